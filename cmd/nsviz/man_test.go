package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/nsviz/nsviz/internal/ui"
)

// writtenPages has nsviz write its man pages, and returns their folder and files.
func writtenPages(t *testing.T) (dir string, files []string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv(sourceEpoch, "1767225600")
	if _, stderr, code := command(t, "man", dir); code != exitDone {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	files, err := filepath.Glob(dir + "/*.8")
	if err != nil || len(files) < 14 {
		t.Fatalf("%v, %q", err, files)
	}
	return dir, files
}

// Both programs that show man pages find nothing to complain about.
func TestManPagesAreValid(t *testing.T) {
	_, files := writtenPages(t)
	for _, checker := range [][]string{
		{"mandoc", "-Tlint", "-Wwarning"},
		{"man", "--warnings", "--encoding=utf8", "--local-file", "--ditroff", "-P", "true"},
	} {
		path, err := exec.LookPath(checker[0])
		if err != nil {
			t.Fatalf("this test needs %s; test/setup installs it: %v", checker[0], err)
		}
		for _, file := range files {
			cmd := exec.CommandContext(t.Context(), path, append(checker[1:], file)...)
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANROFFSEQ=")
			var complaints bytes.Buffer
			cmd.Stderr = &complaints
			out, err := cmd.Output()
			if checker[0] == "mandoc" {
				complaints.Write(out)
			}
			if err != nil || complaints.Len() > 0 {
				t.Errorf("%s %s: %v\n%s", checker[0], filepath.Base(file), err, &complaints)
			}
		}
	}
}

// plainPage returns a page as a terminal shows it, with single spaces.
func plainPage(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "mandoc", "-Tutf8", "-Owidth=1000", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(regexp.MustCompile(".\b").ReplaceAllString(string(out), "")), " ")
}

// The pages have every flag and key, and what else nsviz's users look up in them.
func TestManPagesAreComplete(t *testing.T) {
	dir, files := writtenPages(t)
	main := plainPage(t, filepath.Join(dir, "nsviz.8"))
	for _, want := range []string{
		" NAME ", " SYNOPSIS ", " DESCRIPTION ", " COMMANDS ", " OPTIONS ", " KEYS ", " EXIT STATUS ", " ENVIRONMENT ", " FILES ", " EXAMPLES ", " SEE ALSO ",
		" DOCKER_HOST ", " NO_COLOR ", " /etc/nsviz/config.yaml ", "2026-01-01", "127.0.0.1:10064",
	} {
		if !strings.Contains(main, want) {
			t.Errorf("nsviz.8 has no %q", want)
		}
	}
	for _, k := range ui.Keys() {
		if !strings.Contains(main, k.Keys+" "+strings.Join(strings.Fields(k.Does), " ")) {
			t.Errorf("nsviz.8 has no key %s: %s", k.Keys, k.Does)
		}
	}
	root := newRoot(&streams{out: &strings.Builder{}, err: &strings.Builder{}})
	pages := 0
	for _, c := range append(root.Commands(), root) {
		if c.Hidden || c.Name() == "help" {
			continue
		}
		pages++
		page := plainPage(t, filepath.Join(dir, manName(c)+".8"))
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && !strings.Contains(page, "--"+f.Name) {
				t.Errorf("%s.8 has no --%s", manName(c), f.Name)
			}
		})
		for _, want := range []string{" EXIT STATUS ", " SEE ALSO "} {
			if !strings.Contains(page, want) {
				t.Errorf("%s.8 has no %q", manName(c), want)
			}
		}
	}
	if pages < 14 {
		t.Errorf("%d pages", pages)
	}
	for _, file := range files {
		if text, err := os.ReadFile(file); err != nil || bytes.Contains(text, []byte("[=")) {
			t.Errorf("%s shows a value in brackets, %v", filepath.Base(file), err)
		}
	}
}

// A line that begins with a dot or a quote, and a backslash, show as they are.
func TestManEscapes(t *testing.T) {
	m := &manual{}
	m.line(`.TH X 8 2026-01-01 x x` + "\n.SH X")
	m.prose(".dot at the beginning\n'and a quote, \\n and \"more\" --flag\n\n    .indented \\fB\n    'too")
	file := filepath.Join(t.TempDir(), "x.8")
	if err := os.WriteFile(file, m.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	page := plainPage(t, file)
	for _, want := range []string{`.dot at the beginning 'and a quote, \n and "more" --flag`, `.indented \fB 'too`} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in %s", want, page)
		}
	}
}

func TestManWithoutATime(t *testing.T) {
	t.Setenv(sourceEpoch, "yesterday")
	if _, stderr, code := command(t, "man", t.TempDir()); code != exitUsage || !strings.Contains(stderr, "want seconds since 1970") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
