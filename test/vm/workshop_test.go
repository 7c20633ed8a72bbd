//go:build linux

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEverySystemHasItsOwnChoice: the systems boot the same tests, and each knows which of them are its own.
func TestEverySystemHasItsOwnChoice(t *testing.T) {
	choices := map[string]bool{}
	for _, m := range system() {
		root := t.TempDir()
		if err := (&workshop{}).choose(m, root); err != nil {
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

// TestSystemTestsSayWhy: each is there, has a reason, and runs in a system that boots unasked.
func TestSystemTestsSayWhy(t *testing.T) {
	declared := declaredTests(t, "../e2e")
	for _, test := range systemTests() {
		name, _, _ := strings.Cut(test.name, "/")
		if !slices.Contains(declared, name) || test.why == "" {
			t.Errorf("%s: declared: %v, because %q", test.name, slices.Contains(declared, name), test.why)
		}
		if !slices.ContainsFunc(system(), func(m machine) bool {
			return !m.onDemand && slices.Contains(strings.FieldsFunc(m.tests, func(r rune) bool { return strings.ContainsRune("^$|/", r) }), name)
		}) {
			t.Errorf("no system runs %s", test.name)
		}
	}
}

// TestEveryTestHasItsMachines: the oldest kernel and the newest run all tests that ask the kernel, and what is chosen from for the
// others is there.
func TestEveryTestHasItsMachines(t *testing.T) {
	t.Chdir("../..")
	for _, chosen := range [][]string{sameOnAll, ofCgroups, ofHooks} {
		for _, test := range chosen {
			if !slices.ContainsFunc(testPackages(machine{}), func(pkg string) bool {
				names, err := kernelTests(pkg)
				return err == nil && slices.Contains(names, test)
			}) {
				t.Errorf("%s is in no package", test)
			}
		}
	}
	given := map[string]map[string]string{} // by machine and package
	for _, m := range matrix() {
		root := t.TempDir()
		if err := (&workshop{}).choose(m, root); err != nil {
			t.Fatal(err)
		}
		given[m.id()] = map[string]string{}
		for _, pkg := range testPackages(m) {
			if text, err := os.ReadFile(filepath.Join(root, smallTests, pkg, "arguments")); err == nil {
				given[m.id()][pkg] = string(text)
			}
		}
	}
	for _, m := range []machine{{name: "5.10"}, {name: "5.10-arm64"}, {name: "sid"}, {name: "6.12-pipeline", pipeline: true}} {
		for _, pkg := range testPackages(m) {
			names, err := kernelTests(pkg)
			if err != nil {
				t.Fatal(err)
			}
			if want := "-test.run=^(" + strings.Join(names, "|") + ")$\n"; !strings.Contains(given[m.name][pkg], want) {
				t.Errorf("%s, %s: %q, want %q", m.name, pkg, given[m.name][pkg], want)
			}
		}
	}
	for id, packages := range given {
		probes := packages["internal/probes"]
		if !strings.Contains(probes, "|TestByEveryMethod") && packages["internal/pipeline"] == "" {
			t.Errorf("%s runs %q", id, probes)
		}
		if same := strings.Contains(probes, "TestFloodIsThrottled"); same != (id == "5.10" || id == "5.10-arm64" || id == "sid") {
			t.Errorf("%s runs what is the same on all: %v", id, same)
		}
	}
	if ofV1 := given["6.1-cgroup1"]; ofV1["internal/host/procfs"] != "" || ofV1["internal/host/cgroupfs"] == "" {
		t.Errorf("with cgroup v1 run %v", ofV1)
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

// declaredTests returns the names of a folder's tests.
func declaredTests(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(dir + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range declaredTest.FindAllSubmatch(source, -1) {
			names = append(names, string(match[1]))
		}
	}
	return names
}
