// Package make_test runs make with a fake Go.
package make_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Go that is too old to build nsviz is reported in one sentence, before it fails with its own errors.
func TestWhichGo(t *testing.T) {
	for name, tt := range map[string]struct {
		says  string // output of go version
		fails bool
		want  string
	}{
		"Debian 12's":         {"echo go version go1.19.8 linux/amd64", true, "nsviz needs Go 1.26.0, and 'go' is 1.19.8: "},
		"one that fetches":    {"echo go version go1.26.3 linux/amd64", false, ""},
		"the oldest":          {"echo go version go1.26.0 linux/amd64", false, ""},
		"a development one":   {"echo go version devel go1.27-abc123 Mon Nov 23 linux/amd64", false, ""},
		"one that may not":    {"echo go version go1.24.4 linux/amd64", true, "'go' is 1.24.4: install that one, or any from 1.21 on"},
		"one without network": {"echo 'go: download go1.26.0 for linux/amd64: toolchain not available' >&2; exit 1", true, "'go' is none (toolchain not available)"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			script := "#!/bin/sh\nif [ \"$1\" = version ]; then " + tt.says + "; else echo \"go $1\"; fi\n"
			if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, target := range []string{"build", "test-unit", "check", "generate", "demo"} {
				if !tt.fails && target != "build" { // it would do more than call go
					continue
				}
				cmd := exec.CommandContext(t.Context(), "make", "-C", "../..", "--no-print-directory", target)
				cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "MAKEFLAGS=", "MAKELEVEL=", "GO=go")
				var stdout, stderr bytes.Buffer
				cmd.Stdout, cmd.Stderr = &stdout, &stderr
				err := cmd.Run()
				if (err != nil) != tt.fails || strings.Contains(stdout.String(), "go build") == tt.fails {
					t.Errorf("make %s: %v\n%s%s", target, err, &stdout, &stderr)
				}
				sentence, rest, _ := strings.Cut(stderr.String(), "\n")
				if !strings.Contains(sentence, tt.want) || tt.fails && !strings.HasPrefix(rest, "make: *** ") {
					t.Errorf("make %s says\n%s", target, &stderr)
				}
			}
		})
	}
}

// What is already built is installed without Go.
func TestInstallNeedsNoGo(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "make", "-C", "../..", "--no-print-directory", "-n", "install", "GO=false", "-o", "bin/nsviz")
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=", "GO=go")
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "go build") || strings.Contains(string(out), "false version") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Without a target, make builds nsviz, as the README says.
func TestMakeBuilds(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "make", "-C", "../..", "--no-print-directory", "-n")
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "build -trimpath") {
		t.Errorf("%v\n%s", err, out)
	}
}
