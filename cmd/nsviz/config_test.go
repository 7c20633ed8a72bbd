package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/config"
	"github.com/nsviz/nsviz/internal/ui"
)

// configured parses a command line with a file of settings, and returns what a command would run with.
func configured(t *testing.T, file, line string) (*options, error) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	if err := os.MkdirAll(filepath.Join(home, "nsviz"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, userConfig), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	o := &options{}
	root := newRootWith(&streams{out: &strings.Builder{}, err: &strings.Builder{}}, o)
	cmd, rest, err := root.Find(strings.Fields(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	return o, o.configure(cmd)
}

func TestConfigure(t *testing.T) {
	const file = `# mine
theme: light
docker-host: [unix:///a.sock, unix:///b.sock]
web.listen-address: ":9"
no-command-lines: true
`
	o, err := configured(t, file, "serve --docker-host unix:///c.sock")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(o.engineHosts, " "); got != "unix:///c.sock" {
		t.Errorf("the command line does not go before the file: %s", got)
	}
	if got := strings.Join(o.listen, " "); got != ":9" || !o.noCommands {
		t.Errorf("the file does not go before the defaults: %s, %t", got, o.noCommands)
	}
	if o, err = configured(t, file, "replay x"); err != nil || o.theme != ui.Light || len(o.engineHosts) != 2 {
		t.Errorf("%v, %v, %v", o.theme, o.engineHosts, err)
	}
	t.Setenv("NO_COLOR", "1")
	t.Setenv("DOCKER_HOST", "unix:///d.sock")
	if o, err = configured(t, file, "replay x"); err != nil || o.theme != ui.Mono || len(o.engineHosts) != 0 {
		t.Errorf("the environment does not go before the file: %v, %v, %v", o.theme, o.engineHosts, err)
	}
}

// What is chosen in the dashboard is in the user's file, and in force at the next start.
func TestRemember(t *testing.T) {
	o, err := configured(t, "# mine\ntheme: dark\n", "replay x")
	if err != nil {
		t.Fatal(err)
	}
	err = o.remember()([]ui.Choice{{Name: ui.ChoiceColumns, Values: []string{"name", "cpu"}}, {Name: ui.ChoiceSort, Values: []string{"-memory"}}})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(os.Getenv("XDG_CONFIG_HOME"), userConfig))
	if want := "# mine\ntheme: dark\ncolumns: [name, cpu]\nsort: -memory\n"; err != nil || string(file) != want {
		t.Fatalf("%v, the file is %q, want %q", err, file, want)
	}
	if o, err = configured(t, string(file), "replay x"); err != nil || !slices.Equal(o.columns, []ui.ColumnKey{"name", "cpu"}) || o.sort != (ui.Sort{By: "memory", Reverse: true}) {
		t.Errorf("%v, %v, %v", o.columns, o.sort, err)
	}
	if o, err = configured(t, string(file), "replay x --columns image,cpu --sort name"); err != nil || !slices.Equal(o.columns, []ui.ColumnKey{"name", "image", "cpu"}) || o.sort != (ui.Sort{By: "name"}) {
		t.Errorf("the command line does not go before the file: %v, %v, %v", o.columns, o.sort, err)
	}
	o.config = "shared.yaml"
	if o.remember() != nil {
		t.Error("a choice goes into the user's file though --config names another")
	}
}

// The user's file goes before the system's, command by command.
func TestKeysOfTwoFiles(t *testing.T) {
	var keys keyChoices
	at := config.Place{File: "system", Line: 2, Column: 3}
	entry := func(file, name string, values ...string) config.Entry {
		at := at
		at.File = file
		return config.Entry{Name: name, At: at, Values: values, ValuesAt: make([]config.Place, len(values))}
	}
	if err := errors.Join(
		keys.add([]config.Entry{entry("system", "filter", "s"), entry("system", "sort", "x"), entry("system", "mouse")}),
		keys.add([]config.Entry{entry("user", "filter", "y"), entry("user", "copy-id", "c")}),
		keys.check(),
	); err != nil {
		t.Fatal(err)
	}
	if got, want := keys.keys.WithKeys("{filter} {sort} {mouse} {copy-id} {help}"), "y x no key c ?"; got != want {
		t.Errorf("the keys are %s, want %s", got, want)
	}
	if err := keys.add([]config.Entry{entry("user", "quit", "x")}); err != nil {
		t.Fatal(err)
	}
	if err := keys.check(); err == nil || !strings.HasPrefix(err.Error(), "user:2:3: keys: quit: x is also the key of sort in a list; give quit or sort another key; q is free") {
		t.Errorf("the conflict is %v", err)
	}
}

// A mistake in a file ends nsviz with the exit code of bad usage and the place, whatever command has the flag.
func TestConfigsThatAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	for file, says := range map[string]string{
		"teme: dark":                    ":1:1: no key is called \"teme\"; did you mean theme?",
		"\n  xyzzy: 1":                  ":2:3: no key is called \"xyzzy\"; nsviz config lists all",
		"theme: blue":                   ":1:8: theme: want one of auto, dark, light, colorblind, mono",
		"theme: [dark]":                 ":1:8: theme: want a single value",
		"theme:":                        "theme: want a value",
		"docker-host: {a: b}":           ":1:14: docker-host: want a list, such as [a, b]",
		"theme: dark\ntheme: light":     ":2:1: theme is set twice, also in line 1",
		"log-level: loud":               ":1:12: log-level: want debug, info, warn or error",
		"no-command-lines: perhaps":     "no-command-lines: ",
		"x: y\na: b: c":                 ":2:1: mapping values are not allowed",
		"- a":                           ":1:1: want lines such as KEY: VALUE",
		"theme: dark\n---\nx: y":        ": a second document; want one",
		"columns: [name, cpuu]":         ":1:10: columns: no column is called \"cpuu\"; did you mean cpu?",
		"sort: -imag":                   ":1:7: sort: no column is called \"imag\"; did you mean image?",
		"label: [a.b, a_b]":             "a.b and a_b would both be label_a_b",
		"keys: [a]":                     ":1:7: keys: want lines such as NAME: VALUE",
		"keys:\n  fliter: x":            ":2:3: keys: no key does \"fliter\"; did you mean filter?",
		"keys: {find: [/, ctrl-ff]}":    ":1:18: keys: find: no key is called \"ctrl-ff\"; did you mean ctrl-f?",
		"keys:\n  filter: s":            ":2:3: keys: filter: s is also the key of sort in a list; give filter or sort another key; f is free",
		"keys:\n  filter: x\n  sort: x": ":3:3: keys: sort: x is also the key of filter in a list; give sort or filter another key; s is free",
		"keys: {back: []}":              ":1:8: keys: back: must have a key",
		"keys: {filter: ctrl-c}":        ":1:16: keys: filter: ctrl-c quits, and can do nothing else",
	} {
		if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
		_, stderr, code := command(t, "ps", "--config", path)
		if code != exitUsage || !strings.Contains(stderr, says) {
			t.Errorf("%q: exit code %d, %s want %s", file, code, stderr, says)
		}
	}
	if _, stderr, code := command(t, "ps", "--config", path+".missing"); code != exitFailed || !strings.Contains(stderr, "no such file") {
		t.Errorf("a missing file: %d, %s", code, stderr)
	}
	if _, stderr, code := command(t, "ps", "--config", "/dev/zero"); code != exitFailed || !strings.Contains(stderr, "no regular file") {
		t.Errorf("a device: %d, %s", code, stderr)
	}
	if _, stderr, code := command(t, "version", "--config", path); code != exitDone {
		t.Errorf("nsviz version: %d, %s", code, stderr)
	}
}

// What nsviz config prints is a file that nsviz reads, and that changes nothing.
func TestConfigPrintsAFile(t *testing.T) {
	out, stderr, code := command(t, "config")
	if code != exitDone || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	for _, key := range []string{"theme: auto", "log-level: info", "docker-host: []", "columns: []", "sort: \"\"", "keys:\n  back: esc ", "web.listen-address:\n", "no-command-lines: false\n"} {
		if !strings.Contains(out, "\n"+key) {
			t.Errorf("no %q in\n%s", key, out)
		}
	}
	before, err := configured(t, "", "serve")
	if err != nil {
		t.Fatal(err)
	}
	after, err := configured(t, out, "serve")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(before.listen, " ") != strings.Join(after.listen, " ") || len(after.engineHosts) != 0 || before.theme != after.theme ||
		before.level != after.level || before.noCommands != after.noCommands || before.procRoot != after.procRoot || after.keys.Conflict() != nil {
		t.Errorf("with the printed file %+v, without %+v", after, before)
	}
}
