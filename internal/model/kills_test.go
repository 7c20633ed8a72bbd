package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// outcome is what a kill did: its number and whether the container survived.
type outcome struct {
	Ordinal  uint64
	Survived string // yes, no, unknown
}

func outcomes(s *Snapshot) []outcome {
	var list []outcome
	for _, k := range s.Kills {
		o := outcome{k.Ordinal, "unknown"}
		if k.Survived != nil {
			o.Survived = map[bool]string{true: "yes", false: "no"}[*k.Survived]
		}
		list = append(list, o)
	}
	return list
}

// decided gives a kill the number of its decision.
func decided(f fact.Fact, decision uint64) fact.Fact {
	f.Event.OOM.Decision = decision
	return f
}

func TestKills(t *testing.T) {
	a, b := who("a", "web"), who("b", "db")
	inside := who("c", "inner")
	inside.Parent = &a
	ofInit := killed(3, &a, 77)
	ofInit.Event.OOM.Victim.Init = true
	running := []fact.Fact{created(1, a), started(2, a, 50), created(1, b), started(2, b, 60)}
	counted := found(2, a, 50)
	counted.Found.OOMKills = new(uint64(7))

	tests := []struct {
		name     string
		facts    []fact.Fact
		outcomes []outcome
		ofA      uint64 // OOMKills
		totals   map[string]uint64
	}{
		{"none", running, nil, 0, map[string]uint64{}},
		{
			"of another process", append(running, killed(3, &a, 55), killed(4, &a, 56)),
			[]outcome{{1, "yes"}, {2, "yes"}}, 2, map[string]uint64{"web/cgroup": 2},
		},
		{"of PID 1", append(running, killed(3, &a, 50)), []outcome{{1, "no"}}, 1, map[string]uint64{"web/cgroup": 1}},
		{"of PID 1, as the kernel says", append(running, ofInit), []outcome{{1, "no"}}, 1, map[string]uint64{"web/cgroup": 1}},
		{"while starting", []fact.Fact{created(1, a), killed(3, &a, 55)}, []outcome{{1, "unknown"}}, 1, map[string]uint64{"web/cgroup": 1}},
		{
			"in one inside, which counts for itself", append(running, created(2, inside), started(2, inside, 90), killed(3, &inside, 55)),
			[]outcome{{1, "yes"}}, 0, map[string]uint64{"inner/cgroup": 1},
		},
		{
			"each container counts for itself",
			append(running, killed(3, &a, 55), killed(4, &b, 56), killed(5, &a, 57)),
			[]outcome{{1, "yes"}, {1, "yes"}, {2, "yes"}}, 2, map[string]uint64{"web/cgroup": 2, "db/cgroup": 1},
		},
		{
			"on the host", append(running, killed(3, nil, 9), killed(4, nil, 9)),
			[]outcome{{1, "unknown"}, {2, "unknown"}}, 0, map[string]uint64{"/cgroup": 2},
		},
		{
			"read after the end", append(running, exited(4, a, 50), killed(3, &a, 50)),
			[]outcome{{1, "no"}}, 1, map[string]uint64{"web/cgroup": 1},
		},
		{
			"after a start the count begins again, in the totals it goes on",
			append(running, killed(3, &a, 50), exited(4, a, 50), created(5, a), started(6, a, 70), killed(7, &a, 71)),
			[]outcome{{1, "no"}, {1, "yes"}}, 1, map[string]uint64{"web/cgroup": 2},
		},
		{
			"the kernel has counted before",
			[]fact.Fact{counted, killed(3, &a, 55)},
			[]outcome{{8, "yes"}}, 8, map[string]uint64{"web/cgroup": 1},
		},
		{
			"the kernel's count has it already",
			[]fact.Fact{counted, killed(1.9, &a, 55), killed(3, &a, 56)},
			[]outcome{{7, "yes"}, {8, "yes"}}, 8, map[string]uint64{"web/cgroup": 2},
		},
		{
			"what the kernel has counted is not known",
			[]fact.Fact{found(2, a, 50), killed(3, &a, 55)},
			[]outcome{{0, "yes"}}, 1, map[string]uint64{"web/cgroup": 1},
		},
		{
			"found once more, the count stays",
			append(running, killed(3, &a, 55), counted),
			[]outcome{{1, "yes"}}, 1, map[string]uint64{"web/cgroup": 1},
		},
		{
			"all of a group, PID 1 last",
			append(running, decided(killed(3, &a, 55), 9), decided(killed(3, &b, 66), 8), decided(killed(3, &a, 50), 9)),
			[]outcome{{1, "no"}, {1, "yes"}, {2, "no"}}, 2, map[string]uint64{"web/cgroup": 2, "db/cgroup": 1},
		},
		{
			"all of a group, PID 1 first",
			append(running, decided(killed(3, &a, 50), 9), decided(killed(3, &a, 55), 9), decided(killed(3, &b, 66), 9)),
			[]outcome{{1, "no"}, {2, "no"}, {1, "yes"}}, 2, map[string]uint64{"web/cgroup": 2, "db/cgroup": 1},
		},
		{
			"an earlier decision was another one",
			append(running, decided(killed(3, &a, 55), 8), decided(killed(4, &a, 50), 9)),
			[]outcome{{1, "yes"}, {2, "no"}}, 2, map[string]uint64{"web/cgroup": 2},
		},
		{
			"decisions without a number are not one",
			append(running, killed(3, &a, 55), killed(4, &a, 50)),
			[]outcome{{1, "yes"}, {2, "no"}}, 2, map[string]uint64{"web/cgroup": 2},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := snapshotOf(test.facts...)
			if diff := cmp.Diff(test.outcomes, outcomes(s)); diff != "" {
				t.Errorf("kills (-want +got):\n%s", diff)
			}
			if got := s.container(t, "a").OOMKillsAtLeast; got != test.ofA {
				t.Errorf("%d kills in the container", got)
			}
			if diff := cmp.Diff(test.totals, killCounts(s)); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
			var sum uint64
			for _, n := range test.totals {
				sum += n
			}
			if s.OOMKillCount() != sum {
				t.Errorf("%d in all", s.OOMKillCount())
			}
		})
	}
}

// A snapshot that was taken before the container's PID 1 turned out to be a victim, too, stays as it is.
func TestAGroupDoesNotChangeEarlierSnapshots(t *testing.T) {
	a := who("a", "web")
	m := modelOf(DefaultLimits(), created(1, a), started(2, a, 50), decided(killed(3, &a, 55), 9))
	before := m.Snapshot()
	m.Apply(decided(killed(3, &a, 50), 9))
	if diff := cmp.Diff([]outcome{{1, "yes"}}, outcomes(before)); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]outcome{{1, "no"}, {2, "no"}}, outcomes(m.Snapshot())); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
}

func TestKillKnowsItsContainer(t *testing.T) {
	a := who("a", "web")
	s := snapshotOf(created(1, a), started(2, a, 50), killed(3, &a, 55), created(4, a), started(5, a, 60))
	k := s.Kills[0]
	if k.InitPID != 50 || k.InitComm != "app" {
		t.Errorf("PID 1 was %d, %s", k.InitPID, k.InitComm)
	}
}

// What the kernel says of the memory at a kill stands until it is read for the first time.
func TestKillBeforeTheFirstReading(t *testing.T) {
	a := who("a", "web")
	kill := killed(3, &a, 55)
	kill.Event.OOM.Cgroup, kill.Event.OOM.UsageBytes, kill.Event.OOM.LimitBytes = path(a), new(uint64(4095)), new(uint64(4096))
	got := snapshotOf(created(1, a), started(2, a, 50), kill).container(t, "a").Memory
	if got.UsageBytes == nil || *got.UsageBytes != 4095 || got.LimitBytes == nil || *got.LimitBytes != 4096 {
		t.Errorf("memory %+v before the first reading", got)
	}
	got = snapshotOf(created(1, a), started(2, a, 50), memory(2.5, a, 512), kill).container(t, "a").Memory
	if *got.UsageBytes != 512 || *got.LimitBytes != 1<<20 {
		t.Errorf("memory %+v after it", got)
	}
}

// Kills that the kernel has counted and no event has reported within two readings are taken from its count.
func TestUnobservedKills(t *testing.T) {
	a := who("a", "web")
	reading := func(seconds float64, kills uint64) fact.Fact {
		f := memory(seconds, a, 512)
		f.Memory[0].OOMKills = &kills
		return f
	}
	running := []fact.Fact{created(1, a), started(2, a, 50)}
	counted := found(2, a, 50)
	counted.Found.OOMKills = new(uint64(7))
	for _, test := range []struct {
		name             string
		facts            []fact.Fact
		all, unobserved  uint64 // of the container as it is
		total, totalSeen uint64 // of the counters
	}{
		{"all reported", append(running, killed(3, &a, 55), reading(3.5, 1), reading(4, 1), reading(4.5, 1)), 1, 0, 0, 1},
		{"reported after it was counted", append(running, reading(3, 1), reading(3.5, 1), killed(2.9, &a, 55), reading(4, 1), reading(4.5, 1)), 1, 0, 0, 1},
		{"none reported", append(running, reading(3, 2), reading(3.5, 2), reading(4, 2), reading(4.5, 2)), 2, 2, 2, 0},
		{"too early to say", append(running, reading(3, 2), reading(3.5, 2)), 0, 0, 0, 0},
		{"one of three reported", append(running, killed(2.5, &a, 55), reading(3, 3), reading(3.5, 3), reading(4, 3)), 3, 2, 2, 1},
		{"more events than counted, as on v1 with cgroups below", append(running, killed(2.5, &a, 55), reading(3, 0), reading(3.5, 0), reading(4, 0)), 1, 0, 0, 1},
		{"in the count when it was found", []fact.Fact{counted, reading(3, 7), reading(3.5, 8), reading(4, 8), reading(4.5, 8)}, 8, 1, 1, 0},
		{
			"another life, another count",
			append(running, reading(3, 2), reading(3.5, 2), reading(4, 2), exited(5, a, 50), created(6, a), started(7, a, 60),
				reading(8, 0), reading(8.5, 0), reading(9, 0)),
			0, 0, 2, 0,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := snapshotOf(test.facts...)
			c := s.container(t, "a")
			if *c.OOMKills != test.all || c.OOMKillsAtLeast != test.all || *c.OOMKillsUnobserved != test.unobserved {
				t.Errorf("%d kills, %d unobserved; want %d, %d", *c.OOMKills, *c.OOMKillsUnobserved, test.all, test.unobserved)
			}
			if n, seen := s.Totals.OOMKillsUnobserved["web"], s.OOMKillCount(); n != test.total || seen != test.totalSeen {
				t.Errorf("counters: %d unobserved, %d seen; want %d, %d", n, seen, test.total, test.totalSeen)
			}
		})
	}
	folded := DefaultLimits()
	folded.Ended = 0
	m := modelOf(folded, append(running, reading(3, 2), reading(3.5, 2), reading(4, 2), exited(5, a, 50), passed(10))...)
	if n := m.Snapshot().Totals.OOMKillsUnobserved[FoldedLabel]; n != 2 {
		t.Errorf("%d unobserved kills of forgotten containers, want 2", n)
	}
}

// Unknown is not zero: of a container that was found running, only the kernel's own count says what was killed before.
func TestUnknownKills(t *testing.T) {
	a := who("a", "web")
	counted := found(2, a, 50)
	counted.Found.OOMKills = new(uint64(0))
	reading := memory(3, a, 512)
	reading.Memory[0].OOMKills = new(uint64(4))
	for _, test := range []struct {
		name       string
		facts      []fact.Fact
		all        *uint64
		atLeast    uint64
		unobserved *uint64
	}{
		{"seen from its making on", []fact.Fact{created(1, a)}, new(uint64(0)), 0, nil},
		{"seen from its start on", []fact.Fact{started(1, a, 50)}, new(uint64(0)), 0, nil},
		{"found, and the kernel's count with it", []fact.Fact{counted}, new(uint64(0)), 0, new(uint64(0))},
		{"found, without any count", []fact.Fact{found(2, a, 50)}, nil, 0, nil},
		{"likewise, and a kill since", []fact.Fact{found(2, a, 50), killed(3, &a, 55)}, nil, 1, nil},
		{"likewise, and no count in the readings", []fact.Fact{found(2, a, 50), memory(3, a, 512)}, nil, 0, nil},
		{"a count that came late misses none that nsviz was there for", []fact.Fact{found(2, a, 50), reading, reading, reading}, new(uint64(4)), 4, new(uint64(0))},
		{"known by a kill alone", []fact.Fact{killed(3, &a, 55)}, nil, 1, nil},
		{
			"the next run is seen from its making on",
			[]fact.Fact{found(2, a, 50), exited(3, a, 50), created(4, a), started(5, a, 60), killed(6, &a, 61)}, new(uint64(1)), 1, nil,
		},
		{
			"found again after an end that was not seen",
			[]fact.Fact{created(1, a), started(2, a, 50), killed(3, &a, 51), gone(4, a), found(5, a, 60)}, nil, 0, nil,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := snapshotOf(test.facts...).container(t, "a")
			got := []any{c.OOMKills, c.OOMKillsAtLeast, c.OOMKillsUnobserved}
			if diff := cmp.Diff([]any{test.all, test.atLeast, test.unobserved}, got); diff != "" {
				t.Errorf("all, at least, unobserved (-want +got):\n%s", diff)
			}
		})
	}
	ended := snapshotOf(found(2, a, 50), killed(3, &a, 55), exited(4, a, 50), created(5, a), started(6, a, 60)).container(t, "a").Previous
	if ended.OOMKills != nil || ended.OOMKillsAtLeast != 1 {
		t.Errorf("of the run before %v kills are known, at least %d", ended.OOMKills, ended.OOMKillsAtLeast)
	}
}

// A container whose start the OOM killer ended has never run its program, and that is what it ended of.
func TestStartThatIsKilled(t *testing.T) {
	a := who("a", "web")
	early := func(seconds float64) fact.Fact {
		f := killed(seconds, &a, 55)
		f.Event.OOM.Victim.Starting = true
		return f
	}
	by := &event.Exit{Signal: 9, Cause: event.CauseOOMKill}
	for _, test := range []struct {
		name     string
		facts    []fact.Fact
		neverRan bool
		exit     *event.Exit
		last     EntryKind // of its history
	}{
		{"killed, and its cgroup is removed", []fact.Fact{created(1, a), early(2), removed(3, a)}, true, by, entryCgroupRemoved},
		{"killed, and its cgroup is found gone", []fact.Fact{created(1, a), early(2), gone(3, a)}, true, by, EntryNeverRan},
		{
			"it goes on without what was killed",
			[]fact.Fact{created(1, a), early(2), started(3, a, 50), exited(4, a, 50)}, false, &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}, entryExited,
		},
		{"its end is lost after that", []fact.Fact{created(1, a), early(2), started(3, a, 50), removed(4, a)}, false, nil, entryCgroupRemoved},
		{"a kill of which that is not known", []fact.Fact{created(1, a), killed(2, &a, 55), removed(3, a)}, false, nil, entryCgroupRemoved},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := snapshotOf(test.facts...).container(t, "a")
			if c.NeverRan != test.neverRan || c.End().NeverRan != test.neverRan || c.Live() {
				t.Errorf("%s, never ran: %v", c.State, c.NeverRan)
			}
			if diff := cmp.Diff(test.exit, c.Exit); diff != "" {
				t.Errorf("exit (-want +got):\n%s", diff)
			}
			if last := c.History[len(c.History)-1].Kind; last != test.last {
				t.Errorf("its history ends with %s, want %s", last, test.last)
			}
		})
	}
	again := snapshotOf(created(1, a), early(2), removed(3, a), created(4, a), started(5, a, 60)).container(t, "a")
	if again.NeverRan || again.Previous == nil || !again.Previous.NeverRan {
		t.Errorf("the second start works: %+v, before it %+v", again, again.Previous)
	}
	reported := again.History[2] // after its cgroup and the kill
	if reported.Kind != EntryNeverRan || reported.OOM == nil || reported.OOM.Victim.PID != 55 {
		t.Errorf("reported as %+v", reported)
	}
}

func TestKillsShowInTheHistory(t *testing.T) {
	a := who("a", "web")
	own, above := killed(3.1, &a, 55), killed(3.2, &a, 56)
	own.Event.OOM.Cgroup, own.Event.OOM.UsageBytes = path(a), new(uint64(4096))
	above.Event.OOM.Cgroup, above.Event.OOM.UsageBytes = "/docker", new(uint64(1<<40)) // not this container's
	s := snapshotOf(created(1, a), started(2, a, 50), own, above)
	got := s.container(t, "a").Memory.History.Points()[HistoryLength-1]
	if diff := cmp.Diff(Point{MaxBytes: 4096, Known: true, Kills: 2}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Of which cgroup the usage is, is not known; nor is which one is the container's.
	nowhere := killed(3, &a, 55)
	nowhere.Event.OOM.UsageBytes = new(uint64(4096))
	got = snapshotOf(started(2, a, 50), nowhere).container(t, "a").Memory.History.Points()[HistoryLength-1]
	if diff := cmp.Diff(Point{Kills: 1}, got); diff != "" {
		t.Errorf("nowhere (-want +got):\n%s", diff)
	}
}

// A container that was found when the kernel's count could not be read, as of a VM, is known as well as any once it can.
func TestCountIsTakenOver(t *testing.T) {
	a := who("a", "web")
	counted := func(seconds float64, n uint64) fact.Fact { return read(seconds, a, fact.Reading{OOMKills: &n}) }
	for name, test := range map[string]struct {
		facts   []fact.Fact
		want    *uint64
		atLeast uint64
		ordinal uint64 // of the latest kill that an event reported; 0 is unknown or none
	}{
		"not read":                   {nil, nil, 0, 0},
		"not read, and one is seen":  {[]fact.Fact{killed(3, &a, 51)}, nil, 1, 0},
		"some":                       {[]fact.Fact{counted(3, 5)}, new(uint64(5)), 5, 0},
		"none":                       {[]fact.Fact{counted(3, 0)}, new(uint64(0)), 0, 0},
		"and one more":               {[]fact.Fact{counted(3, 5), killed(4, &a, 51)}, new(uint64(6)), 6, 6},
		"none, and then one":         {[]fact.Fact{counted(3, 0), killed(4, &a, 51)}, new(uint64(1)), 1, 1},
		"the one that was seen":      {[]fact.Fact{killed(3, &a, 51), counted(4, 1), killed(5, &a, 51)}, new(uint64(2)), 2, 2},
		"of before the one seen":     {[]fact.Fact{killed(3, &a, 51), counted(3, 0)}, new(uint64(1)), 1, 0},
		"one of them is late":        {[]fact.Fact{counted(3, 5), killed(2.9, &a, 51)}, new(uint64(5)), 5, 5},
		"the one seen, again, later": {[]fact.Fact{killed(2, &a, 51), counted(3, 2), killed(2.9, &a, 52)}, new(uint64(2)), 2, 2},
	} {
		c := snapshotOf(append([]fact.Fact{found(1, a, 50)}, test.facts...)...).container(t, "a")
		if diff := cmp.Diff(test.want, c.OOMKills); diff != "" || c.OOMKillsAtLeast != test.atLeast {
			t.Errorf("%s: at least %d, -want +got:\n%s", name, c.OOMKillsAtLeast, diff)
		}
		if c.LatestKill != nil && c.LatestKill.Ordinal != test.ordinal {
			t.Errorf("%s: the latest kill is number %d, want %d", name, c.LatestKill.Ordinal, test.ordinal)
		}
		if c.OOMKillsUnobserved != nil && *c.OOMKillsUnobserved > 0 {
			t.Errorf("%s: %d are taken for lost", name, *c.OOMKillsUnobserved)
		}
	}
}
