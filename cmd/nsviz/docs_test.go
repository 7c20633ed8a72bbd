package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/test/pages"
)

const top = "../.."

// eachPage calls a function for each page of the documentation.
func eachPage(t *testing.T, check func(page string)) {
	t.Helper()
	all, err := pages.All(top)
	if err != nil || len(all) < 50 {
		t.Fatalf("%d pages: %v", len(all), err)
	}
	for _, page := range all {
		check(page)
	}
}

// No command in a block of a page has an option that does not exist, or an expression that nsviz does not understand. Each is run as far as
// that there is no nsviz to ask; one that asks none has to know its options. TestCommandsOfTheDocs in test/e2e runs them for good.
func TestCommandsOfTheDocs(t *testing.T) {
	eachPage(t, func(page string) {
		commands, err := pages.Blocks(top, page)
		if err != nil {
			t.Error(err)
		}
		ours := 0
		for _, c := range commands {
			programs, err := pages.Programs(t.Context(), c.Text)
			if err != nil {
				t.Errorf("%s:%d: %v", c.Page, c.Line, err)
			}
			for _, words := range programs {
				if words[0] == "nsviz" {
					ours++
					checkArguments(t, c, words[1:])
				} else {
					checkProgram(t, c, words)
				}
			}
		}
		if strings.HasPrefix(page, "docs/runbooks/Nsviz") && ours == 0 {
			t.Errorf("%s: no command of nsviz", page)
		}
	})
}

// checkArguments checks what a page gives to nsviz.
func checkArguments(t *testing.T, c pages.Command, args []string) {
	t.Helper()
	command, rest, err := newRoot(&streams{zone: time.UTC}, &options{}).Find(args)
	if err == nil {
		err = command.ParseFlags(rest)
	}
	if err == nil {
		err = command.ValidateArgs(command.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: %v", c, err)
		return
	}
	from := command.Flags().Lookup("from")
	// Findings are those of a container that runs, which no other nsviz is asked for; and what a page asks elsewhere is not asked here.
	if from == nil || from.Changed || command.Flags().Changed("recording") || command.Name() == "inspect" || command.Flags().Changed("watch") {
		return
	}
	var out, stderr bytes.Buffer
	asked := slices.Concat(args, []string{"--from", "http://127.0.0.1:1"})
	if code := run(t.Context(), asked, &out, &stderr); code != exitFailed {
		t.Errorf("%s: exit code %d, want %d\n%s", c, code, exitFailed, &stderr)
	}
}

// checkProgram checks what can be checked of a program of this repository without running it.
func checkProgram(t *testing.T, c pages.Command, words []string) {
	t.Helper()
	for _, word := range words[1:] {
		switch {
		case words[0] == "make" && regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(word):
			makefile, err := os.ReadFile(filepath.Join(top, "Makefile"))
			if err != nil || !regexp.MustCompile(`(?m)^`+word+`:`).Match(makefile) {
				t.Errorf("%s: there is no such target (%v)", c, err)
			}
		case words[0] == "go" && strings.HasPrefix(word, "./"):
			if _, err := os.Stat(filepath.Join(top, strings.TrimSuffix(word, "/..."))); err != nil {
				t.Errorf("%s: %v", c, err)
			}
		case words[0] == "bin/bench" && regexp.MustCompile(`^[a-z]+$`).MatchString(word):
			source, err := os.ReadFile(filepath.Join(top, "bench", "main.go"))
			if err != nil || !bytes.Contains(source, []byte(`"`+word+`"`)) {
				t.Errorf("%s: bin/bench has no such benchmark (%v)", c, err)
			}
		case strings.Contains(word, "deploy/"): // also --file=deploy/…, $PWD/deploy/…:…
			path := regexp.MustCompile(`deploy/[\w./-]*`).FindString(word)
			if _, err := os.Stat(filepath.Join(top, path)); err != nil {
				t.Errorf("%s: %v", c, err)
			}
		}
	}
	if strings.HasPrefix(words[0], "test/") || strings.HasPrefix(words[0], ".ci/") {
		if _, err := os.Stat(filepath.Join(top, words[0])); err != nil {
			t.Errorf("%s: %v", c, err)
		}
	}
}

// The sentences of the pages name no command and no flag that does not exist, and no form of output.
func TestCommandsInSentences(t *testing.T) {
	checked := 0
	eachPage(t, func(page string) {
		spans, err := pages.Spans(top, page)
		if err != nil {
			t.Error(err)
		}
		for _, s := range spans {
			words := strings.Fields(strings.NewReplacer("[", "", "]", "", "'", "").Replace(s.Text))
			for len(words) > 0 && slices.Contains([]string{"sudo", "nohup"}, words[0]) {
				words = words[1:]
			}
			if i := slices.Index(words, "/nsviz"); i > 0 { // in a container
				words = words[i:]
			}
			switch {
			case len(words) < 2:
			case filepath.Base(words[0]) == "nsviz":
				checked++
				checkNames(t, s, words[1:])
			default:
				checkProgram(t, s, words)
			}
		}
	})
	if checked < 50 {
		t.Errorf("only %d commands of nsviz", checked)
	}
}

// checkNames checks that a command and its flags exist. What stands for something of the reader's is not checked.
func checkNames(t *testing.T, s pages.Command, words []string) {
	t.Helper()
	root := newRoot(&streams{zone: time.UTC}, &options{})
	root.InitDefaultVersionFlag()
	if words[0] == "help" {
		return
	}
	command := root
	if regexp.MustCompile(`^[a-z]+$`).MatchString(words[0]) {
		found, _, err := root.Find(words[:1])
		if err != nil {
			t.Errorf("%s: %v", s, err)
			return
		}
		command, words = found, words[1:]
	}
	command.InitDefaultHelpFlag()
	flags := command.Flags()
	flags.AddFlagSet(command.InheritedFlags())
	for i, word := range words {
		if word == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimRight(word, ",;…"), "=")
		switch {
		case strings.HasPrefix(name, "--") && flags.Lookup(name[2:]) == nil:
			t.Errorf("%s: %s has no flag %s", s, command.CommandPath(), name)
		case len(name) == 2 && name[0] == '-' && flags.ShorthandLookup(name[1:]) == nil:
			t.Errorf("%s: %s has no flag %s", s, command.CommandPath(), name)
		case i > 0 && words[i-1] == "-o":
			for form := range strings.SplitSeq(word, "|") {
				if err := command.ParseFlags([]string{"-o", form}); err != nil {
					t.Errorf("%s: %v", s, err)
				}
			}
		}
	}
}
