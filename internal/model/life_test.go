package model

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// life is what a container's life is judged by.
type life struct {
	State                    ContainerState
	PID                      int32
	Created, Started, Exited float64 // seconds after the beginning; 0 is unknown
	Ended                    bool    // how is known
	Kills                    uint64
	Exits                    uint64 // in the totals
}

func lifeOf(t *testing.T, s *Snapshot, letter string) life {
	t.Helper()
	c := s.container(t, letter)
	seconds := func(at time.Time) float64 {
		if at.IsZero() {
			return 0
		}
		return at.Sub(t0).Seconds()
	}
	l := life{
		State: c.State, PID: c.InitPID, Created: seconds(c.Created), Started: seconds(c.Started), Exited: seconds(c.Exited),
		Ended: c.Exit != nil, Kills: c.OOMKillsAtLeast,
	}
	for k, n := range s.Totals.Exits {
		if k.Container == c.Label {
			l.Exits += n
		}
	}
	return l
}

func TestContainerLifeCycles(t *testing.T) {
	a := who("a", "web")
	inside := who("b", "inner")
	inside.Parent = &a
	below := path(a) + "/container"
	startingFound := found(2, a, 0)
	startingFound.Found.Starting, startingFound.Found.Started = true, time.Time{}
	unknownExit := exited(5, a, 50)
	unknownExit.Event.Exit = nil

	tests := []struct {
		name  string
		facts []fact.Fact
		want  life
	}{
		{"its cgroup is made", []fact.Fact{created(1, a)}, life{State: Starting, Created: 1}},
		{"it runs", []fact.Fact{created(1, a), started(2, a, 50)}, life{State: Running, PID: 50, Created: 1, Started: 2}},
		{
			"cgroups below are nothing new",
			[]fact.Fact{created(1, a), createdAt(1.5, a, below), started(2, a, 50), createdAt(3, a, below+"/x")},
			life{State: Running, PID: 50, Created: 1, Started: 2},
		},
		{
			"it ends",
			[]fact.Fact{created(1, a), started(2, a, 50), exited(5, a, 50), removed(6, a)},
			life{State: Exited, PID: 50, Created: 1, Started: 2, Exited: 5, Ended: true, Exits: 1},
		},
		{
			"a cgroup made below after its end does not revive it",
			[]fact.Fact{created(1, a), started(2, a, 50), exited(5, a, 50), createdAt(6, a, below)},
			life{State: Exited, PID: 50, Created: 1, Started: 2, Exited: 5, Ended: true, Exits: 1},
		},
		{
			"it is started again",
			[]fact.Fact{created(1, a), started(2, a, 50), killed(3, &a, 55), exited(5, a, 50), removed(6, a), created(7, a), started(8, a, 60)},
			life{State: Running, PID: 60, Created: 7, Started: 8, Exits: 1},
		},
		{
			"it is started again and ends again",
			[]fact.Fact{
				created(1, a), started(2, a, 50), exited(5, a, 50), removed(6, a), created(7, a), started(8, a, 60), exited(9, a, 60),
			},
			life{State: Exited, PID: 60, Created: 7, Started: 8, Exited: 9, Ended: true, Exits: 2},
		},
		{
			"it is started again, its making lost",
			[]fact.Fact{created(1, a), started(2, a, 50), exited(5, a, 50), started(8, a, 60)},
			life{State: Running, PID: 60, Started: 8, Exits: 1},
		},
		{
			"its exit is lost, its cgroup is removed",
			[]fact.Fact{created(1, a), started(2, a, 50), removed(6, a)},
			life{State: Exited, PID: 50, Created: 1, Started: 2, Exited: 6},
		},
		{
			"its exit is reported after the removal",
			[]fact.Fact{created(1, a), started(2, a, 50), removed(6, a), exited(5, a, 50), exited(5, a, 50)},
			life{State: Exited, PID: 50, Created: 1, Started: 2, Exited: 5, Ended: true, Exits: 1},
		},
		{
			"it is gone, nobody reported it",
			[]fact.Fact{created(1, a), started(2, a, 50), gone(6, a), gone(7, a)},
			life{State: Exited, PID: 50, Created: 1, Started: 2, Exited: 6},
		},
		{
			"it is started again, its end lost",
			[]fact.Fact{created(1, a), started(2, a, 50), killed(3, &a, 55), created(7, a), started(8, a, 60)},
			life{State: Running, PID: 60, Created: 7, Started: 8},
		},
		{
			"its exit is reported after it is started again",
			[]fact.Fact{created(1, a), started(2, a, 50), removed(6, a), created(7, a), exited(5, a, 50), started(8, a, 60)},
			life{State: Running, PID: 60, Created: 7, Started: 8, Exits: 1},
		},
		{
			"its exit is reported after its cgroup is made again",
			[]fact.Fact{created(1, a), started(2, a, 50), created(7, a), exited(5, a, 50)},
			life{State: Starting, Created: 7, Exits: 1},
		},
		{
			"how it ended is not reported",
			[]fact.Fact{created(1, a), started(2, a, 50), unknownExit},
			life{State: Exited, PID: 50, Created: 1, Started: 2, Exited: 5},
		},
		{
			"only its end is heard of", []fact.Fact{exited(5, a, 50)},
			life{State: Exited, Exited: 5, Ended: true, Exits: 1},
		},
		{"only its start is heard of", []fact.Fact{started(5, a, 50)}, life{State: Running, PID: 50, Started: 5}},
		{"only a kill is heard of", []fact.Fact{killed(5, &a, 55)}, life{State: Exited, Exited: 5, Kills: 1}},
		{
			"a kill is heard of first", []fact.Fact{killed(5, &a, 55), created(6, a), started(7, a, 60)},
			life{State: Running, PID: 60, Created: 6, Started: 7},
		},
		{
			"what happens to one inside is not its own life",
			[]fact.Fact{
				created(1, a), started(2, a, 50), createdAt(3, inside, path(a)+"/docker/x"), started(3, inside, 60), exited(4, inside, 60),
			},
			life{State: Running, PID: 50, Created: 1, Started: 2},
		},
		{"found", []fact.Fact{found(1, a, 50)}, life{State: Running, PID: 50, Started: -99}},
		{"found starting", []fact.Fact{startingFound}, life{State: Starting}},
		{
			"found starting, then it runs", []fact.Fact{startingFound, started(3, a, 50)},
			life{State: Running, PID: 50, Started: 3},
		},
		{
			"found starting, then running", []fact.Fact{startingFound, found(3, a, 50)},
			life{State: Running, PID: 50, Started: -97},
		},
		{
			"found, then the making of its cgroup is read", []fact.Fact{found(3, a, 50), created(1, a), created(1.5, a)},
			life{State: Running, PID: 50, Created: 1, Started: -97},
		},
		{
			"found, then its creation is read",
			[]fact.Fact{found(3, a, 50), created(1, a), started(2, a, 50)},
			life{State: Running, PID: 50, Created: 1, Started: 2},
		},
		{
			"found, then its creation and its end are read",
			[]fact.Fact{found(3, a, 50), created(1, a), started(2, a, 50), exited(5, a, 50)},
			life{State: Exited, PID: 50, Created: 1, Started: 2, Exited: 5, Ended: true, Exits: 1},
		},
		{
			"found, then it is started again, its end lost",
			[]fact.Fact{found(3, a, 50), created(7, a), started(8, a, 60)},
			life{State: Running, PID: 60, Created: 7, Started: 8},
		},
		{
			"found once more",
			[]fact.Fact{created(1, a), started(2, a, 50), found(3, a, 99)},
			life{State: Running, PID: 50, Created: 1, Started: 2},
		},
		{
			"found after its end",
			[]fact.Fact{created(1, a), started(2, a, 50), exited(3, a, 50), found(4, a, 60)},
			life{State: Running, PID: 60, Started: -96, Exits: 1},
		},
		{
			"found, its start in /proc a little too late, then it ends",
			[]fact.Fact{found(103, a, 50), exited(2, a, 50)},
			life{State: Exited, PID: 50, Started: 3, Exited: 2, Ended: true, Exits: 1},
		},
		{
			"removal of another cgroup is nothing",
			[]fact.Fact{created(1, a), started(2, a, 50), happened(3, event.Event{
				Type: event.CgroupRemoved, Cgroup: &event.Cgroup{Path: below, Container: &a},
			})},
			life{State: Running, PID: 50, Created: 1, Started: 2},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := snapshotOf(test.facts...)
			if diff := cmp.Diff(test.want, lifeOf(t, s, "a")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if others := slices.DeleteFunc(slices.Clone(s.Containers), func(c Container) bool { return c.Parent != "" }); len(others) != 1 {
				t.Errorf("%d containers", len(s.Containers))
			}
		})
	}
}

func TestWhatNeverRanIsForgotten(t *testing.T) {
	a := who("a", "web")
	if s := snapshotOf(created(1, a), removed(2, a)); len(s.Containers) != 0 {
		t.Errorf("%+v", s.Containers)
	}
	s := snapshotOf(created(1, a), started(2, a, 50), exited(3, a, 50), created(4, a), removed(5, a))
	if diff := cmp.Diff(life{State: Exited, Created: 4, Exited: 5, Exits: 1}, lifeOf(t, s, "a")); diff != "" {
		t.Errorf("it ran before (-want +got):\n%s", diff)
	}
	if s := snapshotOf(removed(1, a), gone(2, a)); len(s.Containers) != 0 {
		t.Errorf("one that was never heard of: %+v", s.Containers)
	}
}

func TestContainersAreListedInTheOrderOfTheirStart(t *testing.T) {
	a, b, c, d, e := who("a", ""), who("b", ""), who("c", ""), who("d", ""), who("e", "")
	s := snapshotOf(
		created(3, c), created(2, b), created(2, a), found(1, d, 5), // found: started long ago
		created(1, e), started(1, e, 6), exited(4, e, 6),
		started(5, b, 7),
		created(6, who("f", "")), exited(7, who("f", ""), 8),
	)
	var got []string
	for i := range s.Containers {
		got = append(got, s.Containers[i].ID[:1])
	}
	if diff := cmp.Diff([]string{"d", "a", "b", "c", "f", "e"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.LiveCount() != 4 {
		t.Errorf("%d live", s.LiveCount())
	}
}

func TestStartDurations(t *testing.T) {
	a := who("a", "web")
	quick, slow, unknown := started(2, a, 50), started(2, who("b", ""), 51), started(2, who("c", ""), 52)
	quick.Event.Start.DurationMS = new(25.0) // on the bound
	slow.Event.Start.DurationMS = new(60_000.0)
	unknown.Event.Start.DurationMS = nil
	s := snapshotOf(quick, slow, unknown)
	h := s.Totals.Starts
	if h.Count != 2 || h.Sum != 60.025 || h.Counts[0] != 1 || h.Counts[len(h.Counts)-1] != 1 || len(h.Counts) != len(StartBuckets()) {
		t.Errorf("%+v", h)
	}
	if d := s.container(t, "a").StartDuration; d == nil || *d != 25*time.Millisecond {
		t.Errorf("duration %v", d)
	}
	if d := s.container(t, "c").StartDuration; d != nil {
		t.Errorf("an unknown duration is %v", *d)
	}
}

func TestMemory(t *testing.T) {
	a := who("a", "web")
	facts := []fact.Fact{memory(0, a, 1), created(1, a), memory(2, a, 4096)}
	c := snapshotOf(facts...).container(t, "a")
	want := Memory{UsageBytes: new(uint64(4096)), LimitBytes: new(uint64(1 << 20)), History: c.Memory.History}
	if diff := cmp.Diff(want, c.Memory); diff != "" || c.Processes == nil || *c.Processes != 2 {
		t.Errorf("%v processes (-want +got):\n%s", c.Processes, diff)
	}
	// What is no longer known is unknown.
	facts = append(facts, fact.Fact{Time: at(3), Memory: []fact.Reading{{ID: a.ID, Unlimited: true}}})
	c = snapshotOf(facts...).container(t, "a")
	want = Memory{Unlimited: true, History: c.Memory.History}
	if diff := cmp.Diff(want, c.Memory); diff != "" || c.Processes != nil {
		t.Errorf("%v processes (-want +got):\n%s", c.Processes, diff)
	}
	// The last reading stays, processes do not; nothing is read of the dead.
	facts = append(facts, memory(4, a, 8192), exited(5, a, 5), memory(6, a, 1))
	c = snapshotOf(facts...).container(t, "a")
	if c.Memory.UsageBytes == nil || *c.Memory.UsageBytes != 8192 || c.Processes != nil {
		t.Errorf("ended: %+v, %v processes", c.Memory, c.Processes)
	}
}

// What was read while the runtime was still setting limits is not taken for the limits of a container that has ended.
func TestReadingBeforeTheStart(t *testing.T) {
	a := who("a", "hog")
	early := fact.Fact{Time: at(1), Memory: []fact.Reading{{ID: a.ID, UsageBytes: new(uint64(0)), Unlimited: true}}}
	for _, test := range []struct {
		facts []fact.Fact
		known bool
	}{
		{[]fact.Fact{created(0, a), early, started(2, a, 100), exited(3, a, 100), gone(4, a)}, false},
		{[]fact.Fact{created(0, a), early, started(2, a, 100), memory(2.5, a, 4096), exited(3, a, 100), gone(4, a)}, true},
	} {
		c := snapshotOf(test.facts...).container(t, "a")
		if c.Live() || c.Memory.Unlimited || (c.Memory.UsageBytes != nil) != test.known || (c.Memory.LimitBytes != nil) != test.known {
			t.Errorf("live %v, %+v; known %v", c.Live(), c.Memory, test.known)
		}
	}
}
