package probes

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// The capabilities that docs/INSTALL.md lists: those that nsviz needs everywhere, and those that it needs in some places. Tests with the
// tag root try them out, on every kernel.
var (
	rightsNeeded    = []uintptr{unix.CAP_BPF, unix.CAP_PERFMON, unix.CAP_SYS_PTRACE}
	rightsSometimes = []uintptr{unix.CAP_DAC_READ_SEARCH, unix.CAP_SYS_RESOURCE, unix.CAP_SYS_ADMIN}
)

func TestRightsAreDocumented(t *testing.T) {
	names := map[uintptr]string{
		unix.CAP_BPF: "CAP_BPF", unix.CAP_PERFMON: "CAP_PERFMON", unix.CAP_SYS_PTRACE: "CAP_SYS_PTRACE",
		unix.CAP_SYS_RESOURCE: "CAP_SYS_RESOURCE", unix.CAP_DAC_READ_SEARCH: "CAP_DAC_READ_SEARCH", unix.CAP_SYS_ADMIN: "CAP_SYS_ADMIN",
	}
	var want []string
	for _, right := range slices.Concat(rightsNeeded, rightsSometimes) {
		want = append(want, names[right])
	}
	page, err := os.ReadFile("../../docs/INSTALL.md")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range regexp.MustCompile(`CAP_[A-Z_]+`).FindAllString(string(page), -1) {
		if !slices.Contains(got, name) {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/INSTALL.md lists %q, and tests try out %q", got, want)
	}
}
