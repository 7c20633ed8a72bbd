package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// argumentsOf has the shell read a line of a page, and returns the arguments that nsviz gets.
func argumentsOf(t *testing.T, line string) []string {
	t.Helper()
	const functions = `sudo() { "$@"; }; nsviz() { printf '%s\n' "$@"; }` + "\n"
	out, err := exec.CommandContext(t.Context(), "sh", "-c", functions+line).Output()
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// A command in a runbook must not have an option that does not exist. Each command is run as far as that there is no nsviz to ask;
// one that asks none has to know its options.
func TestCommandsOfRunbooks(t *testing.T) {
	pages, err := filepath.Glob("../../docs/runbooks/Nsviz*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d runbooks: %v", len(pages), err)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			lines = append(lines, regexp.MustCompile(`(?m)^(sudo )?nsviz( .*)?$`).FindAllString(block[1], -1)...)
		}
		if len(lines) == 0 {
			t.Errorf("%s: no command of nsviz", page)
		}
		for _, line := range lines {
			args := argumentsOf(t, line)
			command, rest, err := newRoot(&streams{}, &options{}).Find(args)
			if err != nil {
				t.Errorf("%s: %s: %v", page, line, err)
				continue
			}
			// Findings are those of a container that runs, which no other nsviz is asked for.
			if command.Flags().Lookup("from") == nil || command.Name() == "inspect" {
				err := command.ParseFlags(rest)
				if err == nil {
					err = command.ValidateArgs(command.Flags().Args())
				}
				if err != nil {
					t.Errorf("%s: %s: %v", page, line, err)
				}
				continue
			}
			var out, stderr bytes.Buffer
			if code := run(t.Context(), slices.Concat(args, []string{"--from", "http://127.0.0.1:1"}), &out, &stderr); code != exitFailed {
				t.Errorf("%s: %s: exit code %d, want %d\n%s", page, line, code, exitFailed, &stderr)
			}
		}
	}
}
