package ownmemory

import (
	"bytes"
	"errors"
	"log/slog"
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

// fakeRooms are what a Monitor reads.
type fakeRooms struct {
	list   []fact.MemoryRoom
	err    error
	freed  int
	frees  uint64 // how much that gives back of the first one
	limits []*uint64
	log    bytes.Buffer
}

func (f *fakeRooms) monitor() *Monitor {
	return &Monitor{
		rooms: func() ([]fact.MemoryRoom, error) { return slices.Clone(f.list), f.err },
		limit: func(lowest *uint64) { f.limits = append(f.limits, lowest) },
		free:  func() { f.freed++; f.list[0].WorkingSetBytes -= f.frees },
		log:   slog.New(slog.NewTextHandler(&f.log, nil)),
	}
}

func TestCheckReturnsWhatHasChanged(t *testing.T) {
	const mib = 1 << 20
	f := &fakeRooms{list: []fact.MemoryRoom{{Cgroup: "/a/b", LimitBytes: 100 * mib, WorkingSetBytes: 10 * mib}, {Cgroup: "/a", LimitBytes: 80 * mib, WorkingSetBytes: 20 * mib}}}
	m := f.monitor()
	own := func(limit uint64, step fact.Saving) *fact.OwnMemory {
		return &fact.OwnMemory{LimitBytes: new(limit * mib), Cgroup: "/a", Saving: step}
	}
	check := func(what string, want *fact.OwnMemory) {
		t.Helper()
		if diff := cmp.Diff(want, m.Check()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("at first", own(80, fact.SavesNothing))
	check("the same again", nil)
	if m.pause() != interval {
		t.Errorf("with a limit the next check is in %v", m.pause())
	}

	f.list[0].WorkingSetBytes, f.frees = 85*mib, 30*mib
	check("full of what the runtime has not given back", nil)
	if f.freed != 1 || f.log.Len() > 0 {
		t.Errorf("freed %d times, and logged %q", f.freed, &f.log)
	}
	f.frees, f.list[0].WorkingSetBytes = 0, 85*mib // of the one whose limit is not the lowest
	check("nearly full", own(80, fact.SavesPast))
	f.list[0].WorkingSetBytes, f.list[1].WorkingSetBytes = 30*mib, 79*mib
	check("as good as full", own(80, fact.SavesSearches))
	check("still", nil)
	f.err = errors.New("gone")
	check("not readable", nil)
	f.err = nil
	f.list[1].WorkingSetBytes = 5 * mib
	check("with room again", own(80, fact.SavesPast))
	check("with room still", own(80, fact.SavesNothing))

	f.list[1].LimitBytes = 24 * mib
	check("limited anew", own(24, fact.SavesNothing))
	f.list = nil
	check("without a limit", &fact.OwnMemory{})
	if m.pause() != unlimitedInterval {
		t.Errorf("without a limit the next check is in %v", m.pause())
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
func TestUnknownLimitIsNotReported(t *testing.T) {
	f := &fakeRooms{err: resources.ErrNoMemory}
	if got := f.monitor().Check(); got != nil || f.limits != nil {
		t.Errorf("%+v, and limits %v", got, f.limits)
	}
}
