//go:build root

package probes

import (
	"context"
	"sync"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// TestOpen: the choices are what the facts allow, and every fact that has hooks has one. Events between two runs
// are not lost. Close ends a run that waits, and may be called again, even concurrently.
func TestOpen(t *testing.T) {
	facts := Gather(hostTypes)
	if err := facts.Check(); err != nil {
		t.Fatal(err)
	}
	plan, err := NewPlan(facts)
	if err != nil {
		t.Fatal(err)
	}
	p := openProbes(t, hostConfig(t))
	if got, want := p.facts.Kernel, facts.Kernel; got != want || got == "" {
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
	runAgain(t, p)
	closeWhileRunning(t, p)
}

func closeWhileRunning(t *testing.T, p *Probes) {
	t.Helper()
	running := make(chan struct{})
	var once sync.Once
	done := make(chan error, 1)
	go func() { done <- p.Run(t.Context(), func(Batch) { once.Do(func() { close(running) }) }) }()
	makeCgroup(t, "first") // so that there is something to deliver
	<-running
	var closers sync.WaitGroup
	for range 3 {
		closers.Go(func() {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	closers.Wait()
	if err := p.Run(t.Context(), func(Batch) { t.Error("delivered after Close") }); err != nil {
		t.Errorf("Run after Close: %v", err)
	}
}

func runAgain(t *testing.T, p *Probes) {
	t.Helper()
	for range 2 {
		c := makeCgroup(t, "between")
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		found := false
		err := p.Run(ctx, func(b Batch) {
			for _, e := range b.Events {
				if e.Type == event.CgroupCreated && e.Cgroup.ID == c.id {
					found = true
					cancel()
				}
			}
		})
		cancel()
		if err != nil || !found {
			t.Errorf("found: %v, %v", found, err)
		}
	}
}
