package pipeline

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/collect/ownmemory"
	"github.com/nsviz/nsviz/internal/fact"
)

// A step shows as a note on the host, is recorded and counted, and stops the searches; the step back takes it away.
func TestSavingIsShown(t *testing.T) {
	var facts []fact.Fact
	p := nameless(t, "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	p.sinks = append(p.sinks, func(f fact.Fact) { facts = append(facts, f) })
	p.apply(fact.Fact{Host: &fact.Host{Name: "here", Notes: []string{"another"}}})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.run()
	}()
	defer func() {
		close(p.inputs)
		<-ended
	}()
	for _, tt := range []struct {
		step     fact.Saving
		notes    []string
		searches bool
	}{
		{fact.SavesNothing, []string{"another"}, true},
		{fact.SavesPast, []string{"another", ownmemory.Note(fact.SavesPast)}, true},
		{fact.SavesSearches, []string{"another", ownmemory.Note(fact.SavesSearches)}, false},
		{fact.SavesNothing, []string{"another"}, true},
	} {
		ownMemoryLoop{p.loop}.OwnMemoryChanged(fact.OwnMemory{Saving: tt.step})
		s := p.Snapshot()
		if diff := cmp.Diff(tt.notes, s.Host.Notes); diff != "" || s.OwnMemory.Saving != tt.step || p.savesSearches() == tt.searches {
			t.Errorf("%s: at %s, no searches %v (-want +got):\n%s", tt.step, s.OwnMemory.Saving, p.savesSearches(), diff)
		}
	}
	if n := p.Snapshot().Totals.Savings[fact.SavesSearches]; n != 1 {
		t.Errorf("counted %d times", n)
	}
	if !slices.ContainsFunc(facts, func(f fact.Fact) bool { return f.OwnMemory != nil }) {
		t.Error("no fact says so")
	}
}
