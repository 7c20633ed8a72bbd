package pipeline

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/resources"
)

func TestNextSaving(t *testing.T) {
	const none, past, searches = fact.SavesNothing, fact.SavesPast, fact.SavesSearches
	for _, tt := range []struct {
		step  fact.Saving
		share float64
		want  fact.Saving
	}{
		{none, 0, none}, {none, 0.79, none}, {none, 0.80, past}, {none, 1.02, past}, // one after the other
		{past, 0.85, past}, {past, 0.90, searches}, {past, 0.71, past}, {past, 0.69, none},
		{searches, 1.02, searches}, {searches, 0.81, searches}, {searches, 0.79, past}, {searches, 0, past},
	} {
		if got := nextSaving(tt.step, tt.share); got != tt.want {
			t.Errorf("at %s with %v: %s, want %s", tt.step, tt.share, got, tt.want)
		}
	}
}

// fakeRooms are what an ownMemory reads.
type fakeRooms struct {
	list   []resources.MemoryRoom
	err    error
	freed  int
	frees  uint64 // how much that gives back of the first one
	limits []*uint64
	log    bytes.Buffer
}

func (f *fakeRooms) ownMemory() *ownMemory {
	return &ownMemory{
		rooms: func() ([]resources.MemoryRoom, error) { return slices.Clone(f.list), f.err },
		limit: func(lowest *uint64) { f.limits = append(f.limits, lowest) },
		free:  func() { f.freed++; f.list[0].UsedBytes -= f.frees },
		log:   slog.New(slog.NewTextHandler(&f.log, nil)),
	}
}

func TestOwnMemory(t *testing.T) {
	const mib = 1 << 20
	f := &fakeRooms{list: []resources.MemoryRoom{{Cgroup: "/a/b", LimitBytes: 100 * mib, UsedBytes: 10 * mib}, {Cgroup: "/a", LimitBytes: 80 * mib, UsedBytes: 20 * mib}}}
	o := f.ownMemory()
	own := func(limit uint64, step fact.Saving) *fact.OwnMemory {
		return &fact.OwnMemory{LimitBytes: new(limit * mib), Cgroup: "/a", Saving: step}
	}
	look := func(what string, want *fact.OwnMemory) {
		t.Helper()
		if diff := cmp.Diff(want, o.look()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	look("at first", own(80, fact.SavesNothing))
	look("the same again", nil)
	if o.interval() != ownMemoryInterval {
		t.Errorf("with a limit the next look is in %v", o.interval())
	}

	f.list[0].UsedBytes, f.frees = 85*mib, 30*mib
	look("full of what the runtime has not given back", nil)
	if f.freed != 1 || f.log.Len() > 0 {
		t.Errorf("freed %d times, and logged %q", f.freed, &f.log)
	}
	f.frees, f.list[0].UsedBytes = 0, 85*mib // of the one whose limit is not the lowest
	look("nearly full", own(80, fact.SavesPast))
	f.list[0].UsedBytes, f.list[1].UsedBytes = 30*mib, 79*mib
	look("as good as full", own(80, fact.SavesSearches))
	look("still", nil)
	f.err = errors.New("gone")
	look("not readable", nil)
	f.err = nil
	f.list[1].UsedBytes = 5 * mib
	look("with room again", own(80, fact.SavesPast))
	look("with room still", own(80, fact.SavesNothing))

	f.list[1].LimitBytes = 24 * mib
	look("limited anew", own(24, fact.SavesNothing))
	f.list = nil
	look("without a limit", &fact.OwnMemory{})
	if o.interval() != unlimitedInterval {
		t.Errorf("without a limit the next look is in %v", o.interval())
	}
	if diff := cmp.Diff([]*uint64{new(uint64(80 * mib)), new(uint64(24 * mib)), nil}, f.limits); diff != "" {
		t.Errorf("limits of the runtime (-want +got):\n%s", diff)
	}
	for _, want := range []string{
		`level=WARN msg="the OOM killer may take nsviz soon: nsviz's own cgroup is nearly full, so nsviz keeps less`,
		`level=WARN msg="the OOM killer may take nsviz soon: nsviz's own cgroup is nearly full, so nsviz keeps hardly`,
		`level=INFO msg="nsviz's own cgroup has room again`, `level=WARN msg="the limit on memory is too low`,
	} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("want %s in\n%s", want, &f.log)
		}
	}
}

// What is not known is not reported, neither as a limit nor as none.
func TestOwnMemoryUnknown(t *testing.T) {
	f := &fakeRooms{err: resources.ErrNoMemory}
	if got := f.ownMemory().look(); got != nil || f.limits != nil {
		t.Errorf("%+v, and limits %v", got, f.limits)
	}
}

// A limit far above what a machine has stays one that the runtime can take.
func TestGoMemoryLimit(t *testing.T) {
	for limit, want := range map[uint64]int64{100: 90, 64 << 20: 60397974, math.MaxUint64: math.MaxInt64} {
		if got := GoMemoryLimit(&limit); got != want {
			t.Errorf("of %d: %d, want %d", limit, got, want)
		}
	}
	if got := GoMemoryLimit(nil); got != math.MaxInt64 {
		t.Errorf("without a limit: %d", got)
	}
}

// A step shows as a note on the host, is recorded and counted, and stops the searches; the step back takes it away.
func TestSavingIsShown(t *testing.T) {
	var facts []fact.Fact
	p := nameless(t, "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	p.cfg.Sinks = append(p.cfg.Sinks, func(f fact.Fact) { facts = append(facts, f) })
	p.tell(fact.Fact{Host: &fact.Host{Name: "here", Notes: []string{"another"}}})
	for _, tt := range []struct {
		step     fact.Saving
		notes    []string
		searches bool
	}{
		{fact.SavesNothing, []string{"another"}, true},
		{fact.SavesPast, []string{"another", savingNote(fact.SavesPast)}, true},
		{fact.SavesSearches, []string{"another", savingNote(fact.SavesSearches)}, false},
		{fact.SavesNothing, []string{"another"}, true},
	} {
		p.applyOwnMemory(fact.OwnMemory{Saving: tt.step})
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
