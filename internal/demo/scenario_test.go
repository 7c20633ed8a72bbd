package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fake is a backend that records its calls.
type fake struct {
	others bool
	// fails makes the call that begins with it fail.
	fails string
	// stopAt is called at the call that begins with that.
	stopAt string
	stop   context.CancelFunc

	calls   []string
	specs   []Spec
	started []string
}

var errFake = errors.New("out of order")

func (f *fake) call(ctx context.Context, words ...string) error {
	call := strings.Join(words, " ")
	f.calls = append(f.calls, call)
	if f.stopAt != "" && strings.HasPrefix(call, f.stopAt) {
		f.stop()
	}
	if f.fails != "" && strings.HasPrefix(call, f.fails) {
		return errFake
	}
	return ctx.Err()
}

func (f *fake) Clean(ctx context.Context) (bool, error) { return f.others, f.call(ctx, "clean") }

func (f *fake) Start(ctx context.Context, spec Spec) error {
	f.specs = append(f.specs, spec)
	return f.call(ctx, "start", spec.Name)
}

func (f *fake) Remove(ctx context.Context, name string) error { return f.call(ctx, "remove", name) }
func (f *fake) Close(ctx context.Context) error               { return f.call(ctx, "close") }

// run plays a scenario until the call at which it is to stop, with a clock that never waits.
func run(t *testing.T, f *fake, s Scenario) error {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	f.stop = stop
	passed := make(chan time.Time)
	close(passed)
	return Run(ctx, f, s, Play{
		Suffix: "42", Wait: func(time.Duration) <-chan time.Time { return passed },
		Started: func(ctx context.Context, name string) error {
			f.started = append(f.started, name)
			return f.call(ctx, "started", name)
		},
	})
}

func TestScenarios(t *testing.T) {
	for s, want := range map[Scenario][]Spec{
		OOM: {
			{Name: "nsviz-demo-quiet", Role: Idle, MemoryBytes: 64 << 20},
			{Name: "nsviz-demo-hog", Role: Hog, MemoryBytes: 64 << 20},
		},
		Isolation: {
			{Name: "nsviz-demo-web", Role: Idle, MemoryBytes: 64 << 20},
			{Name: "nsviz-demo-sidecar", Role: Idle, MemoryBytes: 32 << 20, NetworkOf: "nsviz-demo-web"},
			{Name: "nsviz-demo-agent", Role: Idle, HostPID: true, HostNetwork: true},
		},
	} {
		for _, others := range []bool{false, true} {
			t.Run(fmt.Sprint(s, " others ", others), func(t *testing.T) {
				last := want[len(want)-1].Name
				f := &fake{others: others, stopAt: "start " + last}
				if err := run(t, f, s); err != nil {
					t.Error(err)
				}
				want := slices.Clone(want)
				calls := []string{"clean"}
				for i := range want {
					if others {
						want[i].Name += "-42"
						if want[i].NetworkOf != "" {
							want[i].NetworkOf += "-42"
						}
					}
					calls = append(calls, "start "+want[i].Name)
				}
				if diff := cmp.Diff(want, f.specs); diff != "" {
					t.Errorf("containers (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(append(calls, "close"), f.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestStartScenario(t *testing.T) {
	f := &fake{stopAt: "start nsviz-demo-start3"}
	if err := run(t, f, Start); err != nil {
		t.Error(err)
	}
	want := []string{
		"clean", "start nsviz-demo-start1", "started nsviz-demo-start1", "remove nsviz-demo-start1",
		"start nsviz-demo-start2", "started nsviz-demo-start2", "remove nsviz-demo-start2", "start nsviz-demo-start3",
	}
	// The clock that never waits may run ahead of the end.
	if len(f.calls) < len(want) || !slices.Equal(f.calls[:len(want)], want) || f.calls[len(f.calls)-1] != "close" {
		t.Errorf("calls %v, want %v, and to close last", f.calls, want)
	}
	for _, spec := range f.specs {
		if spec.Role != Brief || spec.MemoryBytes != 0 {
			t.Errorf("%+v, want something brief", spec)
		}
	}
}

// Everything is removed, however the demo ends, and the removal has a time limit of its own.
func TestRunCleansUp(t *testing.T) {
	for _, s := range Scenarios() {
		t.Run(string(s), func(t *testing.T) {
			for _, c := range []struct {
				fails, stopAt string
				says          string // "" is no error
			}{
				{fails: "clean", says: "what an earlier demo left"},
				{fails: "start", says: "start nsviz-demo-"},
				{stopAt: "clean"},
				{stopAt: "start"},
				{fails: "clean", stopAt: "clean"},
				{fails: "start", stopAt: "start"},
				{fails: "close", stopAt: "start", says: errFake.Error()},
			} {
				f := &fake{fails: c.fails, stopAt: c.stopAt}
				err := run(t, f, s)
				switch {
				case c.says == "" && err != nil:
					t.Errorf("%+v: %v", c, err)
				case c.says != "" && (!errors.Is(err, errFake) || !strings.Contains(err.Error(), c.says)):
					t.Errorf("%+v: error %v, want %q", c, err, c.says)
				}
				if len(f.calls) == 0 || f.calls[len(f.calls)-1] != "close" {
					t.Errorf("%+v: calls %v, want to close last", c, f.calls)
				}
			}
		})
	}
}

func TestStartScenarioFailsToRemove(t *testing.T) {
	f := &fake{fails: "remove"}
	if err := run(t, f, Start); !errors.Is(err, errFake) || !strings.Contains(err.Error(), "remove nsviz-demo-start1") {
		t.Errorf("error %v, want that of the removal", err)
	}
}

// A failure while a start is reported ends the demo.
func TestStartScenarioReportsWriteErrors(t *testing.T) {
	f := &fake{fails: "started"}
	if err := run(t, f, Start); !errors.Is(err, errFake) {
		t.Errorf("error %v, want that of telling", err)
	}
	if f.calls[len(f.calls)-1] != "close" {
		t.Errorf("calls %v, want to close last", f.calls)
	}
}

func TestParse(t *testing.T) {
	for _, s := range Scenarios() {
		if got, err := Parse(string(s)); err != nil || got != s {
			t.Errorf("Parse(%q) = %q, %v", s, got, err)
		}
	}
	if _, err := Parse("nonsense"); err == nil || !strings.Contains(err.Error(), "oom, start and isolation") {
		t.Errorf("Parse(nonsense) fails with %v, want what there is", err)
	}
}

func TestInsideWithoutRole(t *testing.T) {
	for _, args := range [][]string{nil, {""}, {"nonsense"}} {
		if err := Inside(args, nil); err == nil || !strings.Contains(err.Error(), "role") {
			t.Errorf("Inside(%q) = %v, want an error about the role", args, err)
		}
	}
}
