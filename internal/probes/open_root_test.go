//go:build root

package probes

import (
	"os"
	"testing"

	"github.com/cilium/ebpf/btf"
)

// TestOpen: the choices are what the facts allow, every fact that has hooks has one.
func TestOpen(t *testing.T) {
	facts := Gather(btf.NewCache())
	if err := facts.Check(); err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(facts)
	if err != nil {
		t.Fatal(err)
	}
	p := openProbes(t, hostConfig(t))
	if got, want := p.Facts().Kernel, facts.Kernel; got != want || got == "" {
		t.Errorf("kernel %q, %q", got, want)
	}
	choices := p.Choices()
	if len(choices) != len(plan) {
		t.Fatalf("%d choices, %d planned", len(choices), len(plan))
	}
	for i, c := range choices {
		t.Logf("%-28s %-10s %s", c.Name, c.Method, c.Reason)
		if c.Name != plan[i].Name || c.Method != plan[i].Method {
			t.Errorf("%s by %s, planned %s", c.Name, c.Method, plan[i].Method)
		}
	}
}

// TestNothingStaysOpen counts this process's descriptors around Open and Close.
func TestNothingStaysOpen(t *testing.T) {
	open := func() {
		p, err := Open(hostConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	open() // what the libraries keep for good
	before := descriptors(t)
	for range 2 {
		open()
	}
	cfg := hostConfig(t)
	cfg.EventsRingBytes = 12345 // no power of two
	if p, err := Open(cfg); err == nil {
		t.Error("a ring of 12345 bytes")
		_ = p.Close()
	}
	if after := descriptors(t); len(after) != len(before) {
		t.Errorf("%d descriptors before, %d after:\n%v\n%v", len(before), len(after), before, after)
	}
}

// descriptors says what each of this process's descriptors is.
func descriptors(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil {
			open = append(open, target)
		}
	}
	return open
}
