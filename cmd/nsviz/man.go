package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nsviz/nsviz/internal/container/engine/docker"
	"github.com/nsviz/nsviz/internal/ui"
)

const (
	manSection = "8"
	// sourceEpoch has the time of what is built, in seconds, so that the same source gives the same pages (reproducible-builds.org).
	sourceEpoch = "SOURCE_DATE_EPOCH"
)

// newMan writes the man pages; `make install` and the packages call it.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Hidden: true, Args: arguments("DIR"),
		Short: "Write the man pages into a directory",
		RunE: func(cmd *cobra.Command, args []string) error {
			day := time.Now()
			if text := os.Getenv(sourceEpoch); text != "" {
				seconds, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					return errUsage{fmt.Errorf("$%s: want seconds since 1970: %w", sourceEpoch, err)}
				}
				day = time.Unix(seconds, 0)
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			for name, page := range manPages(cmd.Root(), day.UTC()) {
				if err := os.WriteFile(filepath.Join(args[0], name), page, 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// manPages returns the man page of each command, by the name of its file.
func manPages(root *cobra.Command, day time.Time) map[string][]byte {
	pages := map[string][]byte{}
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "help" {
			return
		}
		c.InitDefaultHelpFlag()
		c.InitDefaultVersionFlag()
		m := &manual{}
		m.page(c, day)
		pages[manName(c)+"."+manSection] = m.Bytes()
		for _, below := range c.Commands() {
			add(below)
		}
	}
	add(root)
	return pages
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// manual is a man page that is being written, in the language of man(7).
type manual struct{ bytes.Buffer }

func (m *manual) page(c *cobra.Command, day time.Time) {
	fmt.Fprintf(m, ".TH %s %s %s %s %s\n", quoted(strings.ToUpper(manName(c))), manSection, day.Format(time.DateOnly),
		quoted("nsviz "+build().Version), quoted("Manual of nsviz"))
	m.section("NAME")
	m.line(manName(c) + ` \- ` + escaped(strings.ToLower(c.Short[:1])+c.Short[1:]))
	m.section("SYNOPSIS")
	m.line(`\fB` + escaped(c.CommandPath()) + `\fR` + escaped(strings.TrimPrefix(c.UseLine(), c.CommandPath())))
	if c.HasAvailableSubCommands() {
		m.line(".br\n" + `\fB` + escaped(c.CommandPath()) + `\fR \fICOMMAND\fR [flags]`)
	}
	m.section("DESCRIPTION")
	m.prose(cmp.Or(c.Long, c.Short+"."))
	if c.HasAvailableSubCommands() {
		m.section("COMMANDS")
		for _, below := range c.Commands() {
			if !below.Hidden && below.Name() != "help" {
				m.item(`\fB`+escaped(manName(below))+`\fR(`+manSection+`)`, below.Short+".")
			}
		}
	}
	m.options(c)
	if !c.HasParent() {
		m.section("KEYS")
		m.prose("In the dashboard. There ? lists the keys that do something where you are.")
		for _, k := range ui.Keys() {
			m.item(`\fB`+escaped(k.Keys)+`\fR`, k.Does)
		}
	}
	m.exitStatus(c)
	if !c.HasParent() {
		m.surroundings()
	}
	if c.Example != "" {
		m.section("EXAMPLES")
		m.literal(strings.Split(c.Example, "\n"))
	}
	m.seeAlso(c)
}

func (m *manual) options(c *cobra.Command) {
	m.section("OPTIONS")
	c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := `\fB` + escaped("--"+f.Name) + `\fR`
		if f.Shorthand != "" {
			name = `\fB` + escaped("-"+f.Shorthand) + `\fR, ` + name
		}
		if value = strings.TrimSuffix(value, "Array"); value != "" {
			name += `=\fI` + escaped(value) + `\fR`
		}
		if d := strings.Trim(f.DefValue, "[]"); d != "" && d != "false" && d != "0" && !strings.Contains(usage, "(default") {
			usage += " (default " + d + ")"
		}
		m.item(name, usage)
	})
	if c.HasParent() {
		m.prose("The options of all commands are in nsviz(8).")
	}
}

func (m *manual) exitStatus(c *cobra.Command) {
	m.section("EXIT STATUS")
	for _, code := range []struct {
		number int
		means  string
	}{
		{exitDone, "Done."}, {exitFailed, "It failed; a sentence on stderr says why."}, {exitUsage, "Bad usage: the command line, or a file of settings."},
		{exitNotSupported, "Not permitted, or not supported here; nsviz doctor says why."},
	} {
		m.item(fmt.Sprintf(`\fB%d\fR`, code.number), code.means)
	}
	switch c.Name() {
	case "trace":
		m.prose("Otherwise that of the command, as a shell has it: 126 if it cannot be run, 127 if it is not found, 128 + N if signal N ended it.")
	case "inspect":
		m.prose("With --fail-on also 1 if there is a finding as severe as that.")
	}
}

// surroundings describes the variables and files that all commands have.
func (m *manual) surroundings() {
	m.section("ENVIRONMENT")
	for _, v := range [][2]string{
		{docker.HostVariable, "The only engine to ask for names, if no flag names one: unix:///PATH or tcp://HOST:PORT."},
		{"DOCKER_TLS_VERIFY, DOCKER_CERT_PATH, DOCKER_API_VERSION", "As for docker(1), for that engine."},
		{noColor, "Where it is set, the dashboard has no colours (--theme mono)."},
		{urlVariable, "The nsviz, or the recording, that ps, ns, events, inspect and why ask: --from."},
		{userVariable + ", " + passwordFileVariable + ", " + passwordVariable, "The user that it knows, and a file with the password or the password itself: --user, --password-file."},
		{caVariable + ", " + certVariable + ", " + keyVariable, "The certificates to trust, and the one to show with its key: --cacert, --cert, --key."},
		{"XDG_CONFIG_HOME", "The user's folder of settings; ~/.config by default."},
		{"TZ", "The time zone of times in text. JSON has UTC."},
		{"GOMEMLIMIT", "A limit on nsviz's memory, instead of the one that its cgroup has."},
		{"NOTIFY_SOCKET, WATCHDOG_USEC, LISTEN_FDS", "Set by systemd for nsviz-serve(8): where to report that it is ready and moves, and the sockets of --web.systemd-socket."},
	} {
		m.item(`\fB`+escaped(v[0])+`\fR`, v[1])
	}
	m.section("FILES")
	for _, f := range [][2]string{
		{systemConfig, "Settings of this host. Keys are the names of flags; nsviz-config(8) prints all."},
		{"~/.config/" + userConfig, "Settings of a user, which take precedence over those of the host. The dashboard remembers columns and order there."},
		{"/usr/lib/systemd/system/nsviz.service, nsviz.socket", "nsviz-serve(8) as a service of systemd, in packages."},
		{"/sys/kernel/btf/vmlinux", "The kernel's types, without which there are no probes."},
	} {
		m.item(`\fI`+escaped(f[0])+`\fR`, f[1])
	}
}

func (m *manual) seeAlso(c *cobra.Command) {
	m.section("SEE ALSO")
	var pages []string
	if c.HasParent() {
		pages = append(pages, manName(c.Parent()))
		for _, other := range c.Parent().Commands() {
			if other != c && !other.Hidden && other.GroupID == c.GroupID && other.Name() != "help" {
				pages = append(pages, manName(other))
			}
		}
	} else {
		for _, below := range c.Commands() {
			if !below.Hidden && below.Name() != "help" {
				pages = append(pages, manName(below))
			}
		}
	}
	slices.Sort(pages)
	var list []string
	for _, page := range pages {
		list = append(list, `\fB`+escaped(page)+`\fR(`+manSection+`)`)
	}
	for _, page := range [][2]string{{"lsns", "8"}, {"namespaces", "7"}, {"cgroups", "7"}} {
		list = append(list, `\fB`+page[0]+`\fR(`+page[1]+`)`)
	}
	m.line(strings.Join(list, ",\n"))
}

func (m *manual) section(name string) { fmt.Fprintf(m, ".SH %s\n", quoted(name)) }

// line writes text that is escaped already.
func (m *manual) line(text string) { m.WriteString(text + "\n") }

// item writes a paragraph with a tag, which is escaped already.
func (m *manual) item(tag, text string) {
	m.line(".TP\n" + tag)
	m.line(guarded(escaped(text)))
}

// prose writes paragraphs. What is indented stays as it is: examples and tables.
func (m *manual) prose(text string) {
	for paragraph := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(paragraph, "\n")
		first := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, " ") || strings.HasPrefix(l, "\t") })
		if first < 0 {
			first = len(lines)
		}
		if first > 0 {
			m.paragraph()
		}
		for _, l := range lines[:first] {
			m.line(guarded(escaped(l)))
		}
		if first < len(lines) {
			m.literal(lines[first:])
		}
	}
}

// paragraph begins a paragraph. At the beginning of a section there is one already.
func (m *manual) paragraph() {
	last := bytes.TrimSuffix(m.Bytes(), []byte("\n"))
	if !bytes.HasPrefix(last[bytes.LastIndexByte(last, '\n')+1:], []byte(".SH ")) {
		m.line(".PP")
	}
}

// literal writes lines as they are.
func (m *manual) literal(lines []string) {
	m.paragraph()
	m.line(".nf")
	for _, l := range lines {
		m.line(guarded(escaped(l)))
	}
	m.line(".fi")
}

// escaped returns text in which nothing has a meaning for roff, except at the beginning of a line.
func escaped(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ", "\t", "    ").Replace(text)
}

// guarded returns a line that is no request of roff.
func guarded(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}

// quoted returns an argument of a request.
func quoted(text string) string { return `"` + strings.ReplaceAll(escaped(text), `"`, `\(dq`) + `"` }
