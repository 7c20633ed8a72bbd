//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEverySystemHasItsOwnChoice: the systems boot the same tests, and each knows which of them are its own.
func TestEverySystemHasItsOwnChoice(t *testing.T) {
	choices := map[string]bool{}
	for _, m := range system() {
		root := t.TempDir()
		if err := (&workshop{}).choice(m, root); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(root, e2e, "arguments"))
		if err != nil {
			t.Fatal(err)
		}
		if want := "-test.run=" + m.tests + "\n"; m.tests == "" || !strings.Contains(string(text), want) {
			t.Errorf("%s is given %q, want %q in it", m.id(), text, want)
		}
		choices[m.tests] = true
	}
	if len(choices) < 2 {
		t.Errorf("all systems have the same choice: %v", choices)
	}
}

// TestMachinesHaveNamesOfTheirOwn: results, logs and images of one machine are not taken for those of another.
func TestMachinesHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range append(matrix(), system()...) {
		if seen[m.id()] {
			t.Errorf("two machines are %s", m.id())
		}
		seen[m.id()] = true
	}
}
