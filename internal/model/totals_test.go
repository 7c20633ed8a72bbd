package model

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func labels(s *Snapshot) []string {
	var list []string
	for i := range s.Containers {
		list = append(list, s.Containers[i].Label)
	}
	return list
}

func TestLabels(t *testing.T) {
	a, b := who("a", "web"), who("b", "web")
	unnamed := who("a", "")
	short := id("a")[:12]
	qualifiedA, qualifiedB := "web ("+short+")", "web ("+id("b")[:12]+")"
	tests := []struct {
		name   string
		facts  []fact.Fact
		labels []string
		kills  map[string]uint64
	}{
		{"no name yet", []fact.Fact{created(1, unnamed), killed(2, &unnamed, 5)}, []string{short}, map[string]uint64{short + "/cgroup": 1}},
		{
			"the name comes later, and the count with it",
			[]fact.Fact{created(1, unnamed), killed(2, &unnamed, 5), named(3, a), killed(4, &a, 5)},
			[]string{"web"}, map[string]uint64{"web/cgroup": 2},
		},
		{
			"an event without the name does not take it away",
			[]fact.Fact{created(1, a), killed(2, &unnamed, 5)}, []string{"web"}, map[string]uint64{"web/cgroup": 1},
		},
		{
			"the name comes after the end",
			[]fact.Fact{created(1, unnamed), started(1, unnamed, 4), killed(2, &unnamed, 5), exited(3, unnamed, 4), named(4, a)},
			[]string{"web"}, map[string]uint64{"web/cgroup": 1},
		},
		{"a name of a container that is not known", []fact.Fact{named(1, a)}, nil, map[string]uint64{}},
		{
			"renamed: what was counted stays where it is", []fact.Fact{created(1, a), killed(2, &a, 5), named(3, who("a", "site")), killed(4, &unnamed, 5)},
			[]string{"site"}, map[string]uint64{"web/cgroup": 1, "site/cgroup": 1},
		},
		{
			"renamed and back", []fact.Fact{created(1, a), killed(2, &a, 5), named(3, who("a", "site")), killed(4, &unnamed, 5), named(5, a), killed(6, &unnamed, 5)},
			[]string{"web"}, map[string]uint64{"web/cgroup": 2, "site/cgroup": 1},
		},
		{
			"renamed, and another one gets the name, as a compose project replaces a container",
			[]fact.Fact{created(1, a), killed(2, &a, 5), named(3, who("a", "old_web")), created(4, b), killed(5, &b, 5)},
			[]string{"old_web", "web"}, map[string]uint64{"web/cgroup": 2},
		},
		{
			"two engines, one name",
			[]fact.Fact{created(1, a), created(2, b), killed(3, &a, 5), killed(3, &b, 5)},
			[]string{"web", qualifiedB}, map[string]uint64{"web/cgroup": 1, qualifiedB + "/cgroup": 1},
		},
		{
			"the second keeps its label when the first ends",
			[]fact.Fact{created(1, a), started(1, a, 4), created(2, b), exited(3, a, 4), killed(4, &b, 5)},
			[]string{qualifiedB, "web"}, map[string]uint64{qualifiedB + "/cgroup": 1},
		},
		{
			"one after the other they share the label and the count",
			[]fact.Fact{created(1, a), started(1, a, 4), killed(2, &a, 5), exited(3, a, 4), created(4, b), killed(5, &b, 5)},
			[]string{"web", "web"}, map[string]uint64{"web/cgroup": 2},
		},
		{
			"the first comes back: the second keeps the label and what was counted",
			[]fact.Fact{
				created(1, a), started(1, a, 4), killed(2, &a, 5), exited(3, a, 4), created(4, b), killed(5, &b, 5),
				created(6, a), killed(7, &a, 5),
			},
			[]string{"web", qualifiedA}, map[string]uint64{"web/cgroup": 2, qualifiedA + "/cgroup": 1},
		},
		{
			"a name that comes after the end is no reason to qualify it",
			[]fact.Fact{created(1, unnamed), started(1, unnamed, 4), exited(2, unnamed, 4), created(3, b), named(4, a)},
			[]string{"web", "web"}, map[string]uint64{},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := snapshotOf(test.facts...)
			if diff := cmp.Diff(test.labels, labels(s)); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.kills, killCounts(s)); diff != "" {
				t.Errorf("totals (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	s := snapshotOf(created(1, event.Container{ID: id("a")}), named(2, event.Container{ID: id("a"), Name: "web", Image: "nginx", Runtime: "docker"}),
		named(3, event.Container{ID: id("a")}))
	c := s.container(t, "a")
	if c.Label != "web" || !c.Named || c.Image != "nginx" || c.Runtime != "docker" {
		t.Errorf("%+v", c)
	}
}

// one returns the life of a container, with a kill.
func one(second float64, c event.Container) []fact.Fact {
	return []fact.Fact{created(second, c), started(second, c, 4), killed(second, &c, 5), exited(second, c, 4), removed(second, c)}
}

func TestRetention(t *testing.T) {
	limits := DefaultLimits()
	a, b := who("a", "web"), who("b", "web")
	minutes := func(n float64) float64 { return n * 60 }
	tests := []struct {
		name   string
		facts  []fact.Fact
		kills  map[string]uint64
		exits  map[string]uint64
		folded uint64
	}{
		{
			"15 minutes are not over", append(one(0, a), passed(minutes(15))),
			map[string]uint64{"web/cgroup": 1}, map[string]uint64{"web/exited": 1}, 0,
		},
		{
			"they are", append(one(0, a), passed(minutes(15)+1)),
			map[string]uint64{"(folded)/cgroup": 1}, map[string]uint64{"(folded)/exited": 1}, 1,
		},
		{
			"another has the label: it goes on counting",
			append(append(one(0, a), one(minutes(14), b)...), passed(minutes(16))),
			map[string]uint64{"web/cgroup": 2}, map[string]uint64{"web/exited": 2}, 0,
		},
		{
			"until that is over, too",
			append(append(one(0, a), one(minutes(14), b)...), passed(minutes(30))),
			map[string]uint64{"(folded)/cgroup": 2}, map[string]uint64{"(folded)/exited": 2}, 1,
		},
		{
			"started again in time it stays",
			append(append(one(0, a), created(minutes(14), a), started(minutes(14), a, 4)), passed(minutes(60))),
			map[string]uint64{"web/cgroup": 1}, map[string]uint64{"web/exited": 1}, 0,
		},
		{
			"after that the label begins again",
			append(append(one(0, a), passed(minutes(16))), one(minutes(17), b)...),
			map[string]uint64{"(folded)/cgroup": 1, "web/cgroup": 1}, map[string]uint64{"(folded)/exited": 1, "web/exited": 1}, 1,
		},
		{
			"the host's own are kept", append([]fact.Fact{killed(0, nil, 5)}, passed(minutes(100))),
			map[string]uint64{"/cgroup": 1}, map[string]uint64{}, 0,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := modelOf(limits, test.facts...).Snapshot()
			if diff := cmp.Diff(test.kills, killCounts(s)); diff != "" {
				t.Errorf("kills (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.exits, exitCounts(s)); diff != "" {
				t.Errorf("exits (-want +got):\n%s", diff)
			}
			if s.Totals.FoldedContainers != test.folded {
				t.Errorf("%d folded", s.Totals.FoldedContainers)
			}
		})
	}
}

// However many containers end, memory stays bounded and no count is lost; those without a kill go first.
func TestEndedContainersAreBounded(t *testing.T) {
	limits := Limits{Events: 10, Kills: 10, Retention: time.Hour, Ended: 20, Listed: 5}
	m := New(limits)
	const total = 500
	kills := 0
	for i := range total {
		c := event.Container{ID: fmt.Sprintf("%064d", i), Name: fmt.Sprintf("job-%d", i)}
		for _, f := range one(float64(i)/100, c) {
			if f.Event.Type == event.OOMKill && i%100 != 0 {
				continue
			}
			m.Apply(f)
			if f.Event.Type == event.OOMKill {
				kills++
			}
		}
	}
	s := m.Snapshot()
	if len(m.containers) != limits.Ended || len(m.ended) != limits.Ended || len(s.Containers) != limits.Listed {
		t.Errorf("%d kept, %d ended, %d listed", len(m.containers), len(m.ended), len(s.Containers))
	}
	if s.Totals.FoldedContainers != total-uint64(limits.Ended) || s.OOMKillCount() != uint64(kills) {
		t.Errorf("%d folded, %d of %d kills", s.Totals.FoldedContainers, s.OOMKillCount(), kills)
	}
	var exits uint64
	for _, n := range s.Totals.Exits {
		exits += n
	}
	if exits != total {
		t.Errorf("%d of %d exits", exits, total)
	}
	for i := range total {
		label := fmt.Sprintf("job-%d", i)
		if _, kept := s.Totals.OOMKills[KillKey{label, event.ScopeCgroup}]; kept != (i%100 == 0) {
			t.Errorf("%s: its kill is kept: %v", label, kept)
		}
	}
	if s.Containers[0].Label != "job-499" || s.Containers[4].Label != "job-495" {
		t.Errorf("listed: %v", labels(s))
	}
}

func TestCounters(t *testing.T) {
	ns := func(typ event.Type, via event.Via) fact.Fact {
		return happened(1, event.Event{Type: typ, Namespace: &event.Namespace{Type: event.Net, ID: 7, Via: via}})
	}
	lost := happened(1, event.Event{Type: event.EventsLost, Lost: &event.Lost{Count: 5, Reason: "ring full"}})
	s := snapshotOf(
		ns(event.NamespaceCreated, event.ViaClone), ns(event.NamespaceCreated, event.ViaReconcile), ns(event.NamespaceJoined, event.ViaSetns),
		ns(event.NamespaceJoined, event.ViaSetns), ns(event.NamespaceFreed, event.ViaKernel), lost, lost,
		fact.Fact{BPFErrors: map[fact.ErrorPlace]uint64{"read": 1}}, fact.Fact{BPFErrors: map[fact.ErrorPlace]uint64{"read": 3, "path": 1}},
	)
	want := Totals{
		Since: at(1), Known: map[string]time.Time{},
		Events: map[event.Type]uint64{
			event.NamespaceCreated: 2, event.NamespaceJoined: 2, event.NamespaceFreed: 1, event.EventsLost: 2,
		},
		NamespacesCreated: map[NamespaceKey]uint64{{event.Net, event.ViaClone}: 1, {event.Net, event.ViaReconcile}: 1},
		NamespacesJoined:  map[event.NamespaceType]uint64{event.Net: 2},
		OOMKills:          map[KillKey]uint64{}, OOMKillsUnobserved: map[string]uint64{}, PIDsRefused: map[string]uint64{}, Exits: map[ExitKey]uint64{},
		Entries:   map[string]uint64{},
		Lost:      map[string]uint64{"ring full": 10},
		BPFErrors: map[fact.ErrorPlace]uint64{"read": 3, "path": 1},
		Savings:   map[fact.Saving]uint64{},
		Spent:     map[string]*Spent{},
		Starts:    newHistogram(),
	}
	if diff := cmp.Diff(want, s.Totals); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.LostCount() != 10 {
		t.Errorf("%d lost", s.LostCount())
	}
}

// Two containers had a name one after the other, and nobody has it now: its series does not fall when the first is forgotten.
func TestSeriesOfANameThatSeveralHad(t *testing.T) {
	limits := Limits{Events: 10, Kills: 10, Retention: time.Minute, Ended: 10, Listed: 5}
	a, b := who("a", "web"), who("b", "web")
	m := modelOf(limits, created(1, a), started(1, a, 4), killed(2, &a, 5), named(3, who("a", "old")), exited(4, a, 4),
		created(5, b), started(5, b, 6), killed(6, &b, 7), named(7, who("b", "older")))
	for _, second := range []float64{8, 120, 121} { // a is forgotten then
		m.Apply(passed(second))
		if diff := cmp.Diff(map[string]uint64{"web/cgroup": 2}, killCounts(m.Snapshot())); diff != "" {
			t.Errorf("after %v s (-want +got):\n%s", second, diff)
		}
	}
	if m.containers[id("a")] != nil {
		t.Error("a is not forgotten")
	}
}

// However often a container is renamed, its counts are kept under its latest names, and the sum of all is right, also when it is forgotten. The time from
// which a series counts is that of the rename.
func TestCountsOfRenames(t *testing.T) {
	limits := Limits{Events: 10, Kills: 10, Retention: time.Hour, Ended: 0, Listed: 5}
	m := New(limits)
	m.Apply(created(1, who("a", "name0")))
	const renames = 2 * maxFormer
	for i := range renames {
		unnamed := who("a", "")
		m.Apply(killed(float64(2*i+2), &unnamed, 5))
		m.Apply(named(float64(2*i+3), who("a", fmt.Sprint("name", i+1))))
	}
	sum := func() (n uint64) {
		for _, kills := range killCounts(m.Snapshot()) {
			n += kills
		}
		return n
	}
	s := m.Snapshot()
	if got := killCounts(s); len(got) != maxFormer+1 || sum() != renames || got[FoldedLabel+"/cgroup"] != renames-maxFormer || got[fmt.Sprintf("name%d/cgroup", renames-1)] != 1 {
		t.Errorf("%v", got)
	}
	if since, want := s.Totals.Known[fmt.Sprint("name", renames)], at(2*renames+1); !since.Equal(want) {
		t.Errorf("the latest series counts since %v, want %v", since, want)
	}
	if since, want := s.Totals.Known[fmt.Sprint("name", renames-1)], at(2*renames-1); !since.Equal(want) {
		t.Errorf("the one before counts since %v, want %v", since, want)
	}
	m.Apply(started(100, who("a", ""), 4))
	m.Apply(exited(101, who("a", ""), 4))
	if got := killCounts(m.Snapshot()); sum() != renames || len(got) != 1 {
		t.Errorf("forgotten: %v", got)
	}
}

// Which of several containers with the label takes over a count shows when it is renamed: it is the same
// one each time.
func TestSuccessorOfALabelIsDeterministic(t *testing.T) {
	limits := Limits{Events: 10, Kills: 10, Retention: time.Hour, Ended: 3, Listed: 5}
	for range 50 {
		m := New(limits)
		for i, letter := range []string{"a", "d", "c", "b"} {
			for _, f := range one(float64(i), who(letter, "web")) {
				m.Apply(f)
			}
		}
		m.Apply(named(9, who("b", "site")))
		if diff := cmp.Diff(map[string]uint64{"web/cgroup": 4}, killCounts(m.Snapshot())); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if left := m.containers[id("b")].former; len(left) != 1 || left[0].kills[event.ScopeCgroup] != 2 {
			t.Fatalf("b leaves %+v", left)
		}
	}
}

// The counters of a label began with the first container that had it, also when that one is forgotten.
func TestCountersKnowTheirBeginning(t *testing.T) {
	limits := Limits{Events: 10, Kills: 10, Retention: time.Minute, Ended: 10, Listed: 5}
	m := modelOf(limits, passed(1))
	for _, f := range append(one(2, who("a", "web")), one(30, who("b", "web"))...) {
		m.Apply(f)
	}
	m.Apply(created(40, who("c", "")))
	m.Apply(named(41, who("c", "db")))
	for _, second := range []float64{42, 70} { // the first one is forgotten then
		m.Apply(passed(second))
		totals := m.Snapshot().Totals
		if diff := cmp.Diff(map[string]time.Time{"web": at(2), "db": at(40)}, totals.Known); diff != "" || !totals.Since.Equal(at(1)) {
			t.Errorf("since %v (-want +got):\n%s", totals.Since, diff)
		}
	}
}

// A series does not fall when a container that was counted under its name, and renamed, is forgotten or renamed often: who has the name by then takes over
// the counts.
func TestSeriesOfAFormerNameDoesNotFall(t *testing.T) {
	limits := Limits{Events: 10, Kills: 10, Retention: time.Minute, Ended: 10, Listed: 5}
	a, b := who("a", "web"), who("b", "web")
	m := modelOf(limits, created(1, a), started(1, a, 4), killed(2, &a, 5), named(3, who("a", "old_web")), exited(4, a, 4), created(5, b), started(5, b, 6), killed(6, &b, 7))
	for _, second := range []float64{7, 120} { // a is forgotten then
		m.Apply(passed(second))
		s := m.Snapshot()
		if diff := cmp.Diff(map[string]uint64{"web/cgroup": 2}, killCounts(s)); diff != "" || !s.Totals.Known["web"].Equal(at(1)) {
			t.Errorf("after %v s, since %v (-want +got):\n%s", second, s.Totals.Known["web"], diff)
		}
	}
	if m.containers[id("a")] != nil {
		t.Fatal("a is not forgotten")
	}
	for i := range 4 * maxFormer { // back and forth
		name := []string{"site", "web"}[i%2]
		unnamed := who("b", "")
		m.Apply(named(float64(121+2*i), who("b", name)))
		m.Apply(killed(float64(122+2*i), &unnamed, 7))
	}
	if diff := cmp.Diff(map[string]uint64{"web/cgroup": 2 + 2*maxFormer, "site/cgroup": 2 * maxFormer}, killCounts(m.Snapshot())); diff != "" {
		t.Errorf("back and forth (-want +got):\n%s", diff)
	}
}
