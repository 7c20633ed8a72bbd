package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write the pages of docs/reference that are made from the code")

// The pages of commands and settings are what the code says. `go test ./cmd/nsviz -run Reference -update` writes them.
func TestReference(t *testing.T) {
	for name, want := range map[string][]byte{"COMMANDS.md": commandsPage(), "SETTINGS.md": settingsPage(t)} {
		path := filepath.Join("..", "..", "docs", "reference", name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil { //nolint:gosec // it is for everybody
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/reference/%s is not what the code says (%v): go test ./cmd/nsviz -run Reference -update", name, err)
		}
	}
}

const madeFromCode = "<!-- Made from the code: go test ./cmd/nsviz -run Reference -update -->\n\n"

// commandsPage describes every command as its --help does.
func commandsPage() []byte {
	page := bytes.NewBufferString("# Commands and flags\n\n" + madeFromCode)
	page.WriteString("Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 bad usage, 3 not permitted or not supported here. ")
	page.WriteString("The [flags of all commands](#flags-of-all-commands) can also stand in a [file of settings](SETTINGS.md).\n")
	root := newRoot(&streams{out: io.Discard, err: io.Discard, zone: time.UTC}, &options{})
	describe(page, root)
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && c.Name() != "completion" && c.Name() != "help" {
			describe(page, c)
		}
	}
	page.WriteString("\n## Flags of all commands\n\n")
	listFlags(page, root.PersistentFlags())
	return page.Bytes()
}

func describe(page io.Writer, c *cobra.Command) {
	c.InitDefaultHelpFlag()
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	fmt.Fprintf(page, "\n## %s\n\n```text\n%s\n\n%s\n```\n", c.CommandPath(), c.UseLine(), strings.TrimSpace(long))
	if c.HasExample() {
		fmt.Fprintf(page, "\nExamples:\n\n```sh\n%s\n```\n", unindented(c.Example))
	}
	shown := false
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { shown = shown || !f.Hidden && f.Name != "help" })
	if shown {
		fmt.Fprint(page, "\n")
		listFlags(page, c.LocalNonPersistentFlags())
	}
}

// unindented removes the two spaces that examples begin with.
func unindented(example string) string {
	return regexp.MustCompile(`(?m)^  `).ReplaceAllString(example, "")
}

func listFlags(page io.Writer, flags *pflag.FlagSet) {
	fmt.Fprint(page, "| flag | default | meaning |\n|---|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		kind, meaning := pflag.UnquoteUsage(f)
		name := "`--" + f.Name
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		if kind != "" {
			name += " " + kind
		}
		value := ""
		if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "false" && f.DefValue != "0" {
			value = "`" + strings.ReplaceAll(f.DefValue, "|", `\|`) + "`"
		}
		fmt.Fprintf(page, "| %s` | %s | %s |\n", name, value, strings.ReplaceAll(meaning, "|", `\|`))
	})
}

// settingsPage has the file that `nsviz config` prints where no file exists.
func settingsPage(t *testing.T) []byte {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("NO_COLOR", "")
	t.Setenv("DOCKER_HOST", "")
	var out, stderr bytes.Buffer
	if code := run(t.Context(), []string{"config"}, &out, &stderr); code != exitDone {
		t.Fatalf("nsviz config: exit code %d\n%s", code, stderr.String())
	}
	_, file, found := strings.Cut(out.String(), "\n\n")
	if !found {
		t.Fatalf("nsviz config:\n%s", out.String())
	}
	return []byte("# Settings\n\n" + madeFromCode +
		"nsviz reads `/etc/nsviz/config.yaml` and then `$XDG_CONFIG_HOME/nsviz/config.yaml` (`~/.config/nsviz/config.yaml`), or only the file that `--config` names. The command line takes precedence over\n" +
		"the files. A key that does not exist is an error with its line, its column and the nearest right one. `nsviz config` prints this file, which has the defaults:\n\n" +
		"```yaml\n" + strings.TrimSpace(file) + "\n```\n")
}
