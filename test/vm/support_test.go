//go:build linux

package main

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page of what is supported lists the kernels that are tested, and no others.
func TestSupportIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/SUPPORT.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed, tested []string
	for _, row := range regexp.MustCompile(`(?m)^\| (\S+) \| (amd64|arm64) \| (linux-\S+) \|$`).FindAllSubmatch(page, -1) {
		listed = append(listed, string(row[1])+" "+string(row[2])+" "+string(row[3]))
	}
	for _, m := range kernels() {
		tested = append(tested, m.name+" "+m.arch+" "+regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(m.kernel) + ` +` + m.arch + ` +\S+ +(linux-\S+)`).FindStringSubmatch(string(downloads))[1])
	}
	slices.Sort(listed)
	slices.Sort(tested)
	if diff := cmp.Diff(tested, listed); diff != "" {
		t.Errorf("kernels (-tested +documented):\n%s", diff)
	}
}
