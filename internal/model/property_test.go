package model

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// story makes up facts about a small host on which everything happens, in every order.
type story struct {
	*rand.Rand
	now    float64
	errors uint64
}

func (s *story) container() event.Container {
	letter := string(rune('a' + s.IntN(6)))
	c := event.Container{ID: id(letter)}
	if s.IntN(3) > 0 {
		c.Name = map[string]string{"a": "web", "b": "web", "c": "web", "d": "db", "e": "db", "f": "job"}[letter]
		c.Image = "image"
	}
	if s.IntN(10) == 0 {
		c.Parent = &event.Container{ID: id("9")}
	}
	return c
}

func (s *story) pid() int32 { return 1 + s.Int32N(4) }

// ids are few, so that containers share and numbers are used again.
func (s *story) ids() []uint64 {
	list := make([]uint64, event.NamespaceTypeCount)
	for t := range list {
		list[t] = uint64(10*t + s.IntN(4))
	}
	return list
}

func (s *story) namespace() *event.Namespace {
	t := event.NamespaceType(s.IntN(event.NamespaceTypeCount))
	return &event.Namespace{Type: t, ID: uint64(10*int(t) + 1 + s.IntN(3)), Via: []event.Via{event.ViaClone, event.ViaReconcile}[s.IntN(2)]}
}

func (s *story) next() fact.Fact {
	s.now += s.Float64()
	if s.IntN(50) == 0 {
		s.now += 300 * s.Float64()
	}
	second := s.now
	if s.IntN(5) == 0 {
		second -= 3 * s.Float64() // late
	}
	c := s.container()
	switch s.IntN(25) {
	case 0:
		h := hostIs(s.ids()...)
		h.Time = at(second)
		return h
	case 1:
		return fact.Fact{Time: at(second), Engine: &fact.Engine{Name: "docker", State: fact.EngineConnected}}
	case 2:
		return named(second, c)
	case 3:
		f := found(second, c, s.pid(), s.ids()...)
		f.Found.Starting = s.IntN(3) == 0
		if s.IntN(2) == 0 {
			f.Found.OOMKills = new(uint64(s.IntN(5)))
		}
		return f
	case 4:
		return gone(second, c)
	case 5, 6:
		f := memory(second, c, uint64(s.IntN(1<<20)))
		if s.IntN(2) == 0 {
			f.Memory[0].Limits = &fact.CgroupLimits{Memory: limit(s.IntN(3)), PIDs: limit(s.IntN(2))}
		}
		if s.IntN(2) == 0 {
			f.Memory[0].PIDsRefused, f.Memory[0].StuckAt = new(uint64(s.IntN(5))), new([]string{"", path(c)}[s.IntN(2)])
			f.Memory[0].Frozen = new(*f.Memory[0].UsageBytes%2 == 0)
		}
		return f
	case 7:
		var list []fact.Namespace
		for range s.IntN(10) {
			n := s.namespace()
			list = append(list, fact.Namespace{Type: n.Type, ID: n.ID, Processes: []int32{s.pid()}})
		}
		return survey(second, list...)
	case 8:
		s.errors++
		return fact.Fact{Time: at(second), BPFErrors: map[fact.ErrorPlace]uint64{"read": s.errors}}
	case 9:
		n := at(second).UnixNano()
		if n%8 == 0 {
			return passed(second)
		}
		still := [][]string{nil, {path(c)}}[n/8%2]
		return froze(second, []string{"/", "/docker", path(c)}[n/16%3], n/48%2 == 0, still...)
	case 21:
		return fact.Fact{Time: at(second), Cgroups: []fact.FoundCgroup{{Path: "/", Limits: &fact.CgroupLimits{Memory: limit(s.IntN(3))}}, {Path: path(c), Container: &c}}}
	case 23:
		return moved(second, c, s.pid(), []string{"/", path(c)}[s.IntN(2)], s.IntN(2) == 0)
	case 24:
		f := exited(second, c, s.pid())
		f.Event.Exit.PIDsRefused = new(uint64(s.IntN(5)))
		return f
	case 22:
		w := &fact.CgroupWrite{Path: path(c), Container: &c, By: &event.Process{PID: s.pid(), Comm: "x\n"}}
		if s.IntN(2) == 0 {
			w.Limits = &fact.CgroupLimits{Memory: limit(s.IntN(3)), PIDs: limit(s.IntN(2))}
		}
		return fact.Fact{Time: at(second), CgroupWrite: w}
	case 10:
		typ := []event.Type{event.NamespaceCreated, event.NamespaceJoined, event.NamespaceFreed}[s.IntN(3)]
		return happened(second, event.Event{Type: typ, PID: s.pid(), Comm: "x\n", Container: &c, Namespace: s.namespace()})
	case 11:
		return happened(second, event.Event{Type: event.EventsLost, Lost: &event.Lost{Count: 1, Reason: "ring full"}})
	case 12:
		return createdAt(second, c, path(c)+[]string{"", "", "", "/below"}[s.IntN(4)])
	case 13:
		return started(second, c, s.pid(), s.ids()...)
	case 14:
		return exited(second, c, s.pid())
	case 15:
		return removed(second, c)
	case 16:
		return decided(killed(second, &c, s.pid()), s.Uint64N(3))
	case 17:
		f := engineReported(second, c, s.IntN(2) == 0)
		if s.IntN(2) == 0 {
			f.EngineReport.OOMKilled, f.EngineReport.StartError = nil, "no such file"
		}
		return f
	case 18:
		if s.IntN(2) == 0 {
			return madeByEngine(second, c)
		}
		return said(second, c, []fact.EngineAction{fact.ActionStart, fact.ActionExec, fact.ActionUpdate, fact.ActionRemove}[s.IntN(4)])
	case 19:
		return joined(second, s.pid(), &c, *s.namespace())
	}
	return killed(second, nil, s.pid())
}

func (s *story) facts(n int) []fact.Fact {
	list := make([]fact.Fact, n)
	for i := range list {
		list[i] = s.next()
	}
	return list
}

var smallLimits = Limits{Events: 20, Kills: 10, Retention: 2 * time.Minute, Ended: 3, Listed: 2, Freed: 3, Cgroups: 4, Removed: 2, Unstarted: 2}

// Whatever the order of the facts, a snapshot makes sense and no total falls.
func TestInvariantsHoldForAnyFacts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		facts := (&story{Rand: rand.New(rand.NewPCG(seed, 1))}).facts(300)
		m := New(smallLimits)
		before := m.Snapshot()
		for i, f := range facts {
			m.Apply(f)
			s := m.Snapshot()
			fail := func(format string, args ...any) {
				t.Helper()
				data, _ := json.Marshal(f)
				t.Fatalf("seed %d, fact %d, %s: %s", seed, i, data, fmt.Sprintf(format, args...))
			}
			if problem := makesSense(s); problem != "" {
				fail("%s", problem)
			}
			if diff := difference(m.addUp(), m.byLabel, cmp.AllowUnexported(labelTotals{})); diff != "" {
				fail("the totals by label are out of date (-now +kept):\n%s", diff)
			}
			if problem := fell(before, s); problem != "" {
				fail("%s", problem)
			}
			s.Freed, s.Cgroups = m.listFreed(), m.listCgroups()
			if problem := historiesMakeSense(s); problem != "" {
				fail("%s", problem)
			}
			if n := len(m.freed[0]) + len(m.freed[1]); n > 2*smallLimits.Freed {
				fail("%d freed namespaces", n)
			}
			if n := len(m.removed[0]) + len(m.removed[1]); n > 2*smallLimits.Removed || len(m.cgroups) > smallLimits.Cgroups {
				fail("%d cgroups, %d removed", len(m.cgroups), n)
			}
			if len(m.unstarted) > smallLimits.Unstarted {
				fail("%d containers that never started", len(m.unstarted))
			}
			for _, c := range m.listUnstarted() {
				if c.State != Created || c.Live() || m.containers[c.ID] != nil {
					fail("%s never started, and is %s", c.Label, c.State)
				}
			}
			if len(m.ended) > smallLimits.Ended || len(s.Events) > smallLimits.Events || len(s.Kills) > smallLimits.Kills {
				fail("%d ended, %d events, %d kills", len(m.ended), len(s.Events), len(s.Kills))
			}
			before = s
		}
	}
}

func makesSense(s *Snapshot) string {
	labels := map[string]bool{}
	live := true
	for i := range s.Containers {
		c := &s.Containers[i]
		if c.Live() {
			if labels[c.Label] || !live {
				return fmt.Sprintf("the label %s is not unique among the live, or they are not first", c.Label)
			}
			labels[c.Label] = true
		}
		live = c.Live()
		if (c.State == Paused) != (c.Paused != nil) || c.Paused != nil && !c.PausedKnown {
			return fmt.Sprintf("%s is %s, paused: %+v", c.Label, c.State, c.Paused)
		}
		if (c.State == Exited) != !c.Exited.IsZero() || !c.Live() && c.Processes != nil {
			return fmt.Sprintf("%s is %s since %v", c.Label, c.State, c.Exited)
		}
		for t, m := range c.Namespaces {
			if (m.Group > 0) != (m.Relation == RelationShared) || m.ID == 0 && (m.Relation != "" || m.SharedWith.Count() > 0) ||
				m.Relation == RelationShared && m.SharedWith.Count() == 0 || m.Relation == RelationOwn && m.SharedWith.Count() != 0 ||
				!slices.IsSorted(m.SharedWith.Labels()) || len(m.SharedWith.Labels()) != m.SharedWith.Count() || s.Host.Namespaces[t] == 0 && m.Relation != "" {
				return fmt.Sprintf("%s in %s: %+v", c.Label, event.NamespaceType(t), m)
			}
		}
	}
	for i := range s.Kills {
		if s.Kills[i].Ordinal == 0 && s.Kills[i].Event.OOM.Victim.Container == nil {
			return "a kill on the host has no number"
		}
	}
	return ""
}

// fell names a total that is smaller than it was. Labels may go, when a name comes or a container is
// folded, but what they counted does not.
func fell(before, after *Snapshot) string {
	b, a := before.Totals, after.Totals
	for k, n := range b.OOMKills {
		if now, there := a.OOMKills[k]; there && now < n {
			return fmt.Sprintf("kills of %v fell from %d to %d", k, n, now)
		}
	}
	for label, n := range b.PIDsRefused {
		if now, there := a.PIDsRefused[label]; there && now < n {
			return fmt.Sprintf("what %s was refused fell from %d to %d", label, n, now)
		}
	}
	for k, n := range b.Exits {
		if now, there := a.Exits[k]; there && now < n {
			return fmt.Sprintf("exits of %v fell from %d to %d", k, n, now)
		}
	}
	counts := func(t Totals) []uint64 {
		return []uint64{
			sumOf(t.Events), sumOf(t.NamespacesCreated), sumOf(t.NamespacesJoined), sumOf(t.OOMKills), sumOf(t.Exits), sumOf(t.Lost),
			sumOf(t.BPFErrors), sumOf(t.PIDsRefused), t.Starts.Count, t.FoldedContainers,
		}
	}
	for i, n := range counts(a) {
		if was := counts(b)[i]; n < was {
			return fmt.Sprintf("sum %d fell from %d to %d", i, was, n)
		}
	}
	if kills := a.Events[event.OOMKill]; sumOf(a.OOMKills) != kills {
		return fmt.Sprintf("%d kills of %d are in the totals", sumOf(a.OOMKills), kills)
	}
	return ""
}

func sumOf[K comparable](counts map[K]uint64) (sum uint64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// Facts that are recorded and read again give the same snapshots, however often snapshots are taken.
func TestReplayGivesTheSameSnapshots(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			facts := (&story{Rand: rand.New(rand.NewPCG(seed, 2))}).facts(300)
			if seed%2 == 0 {
				facts = booted(facts) // as recordings have them now
			}
			live, replayed := New(smallLimits), New(smallLimits)
			for i, f := range facts {
				data, err := json.Marshal(f)
				if err != nil {
					t.Fatal(err)
				}
				var back fact.Fact
				if err := json.Unmarshal(data, &back); err != nil {
					t.Fatalf("%v in %s", err, data)
				}
				live.Apply(f)
				live.Snapshot()
				replayed.Apply(back)
				if i%50 != 49 {
					continue
				}
				if diff := difference(withFreed(live), withFreed(replayed), cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("seed %d, fact %d (-live +replayed):\n%s", seed, i, diff)
				}
			}
		})
	}
}

// withFreed returns a snapshot with the namespaces that are no more and the containers that never started.
func withFreed(m *Model) *Snapshot {
	s := m.Snapshot()
	s.Freed = m.listFreed()
	s.Containers = append(s.Containers, m.listUnstarted()...)
	return s
}

// What happens later does not change a snapshot, however much snapshots share with each other and with
// the model.
func TestSnapshotsAreImmutable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			facts := (&story{Rand: rand.New(rand.NewPCG(seed, 3))}).facts(300)
			m := New(smallLimits)
			var taken []*Snapshot
			for _, f := range facts {
				m.Apply(f)
				taken = append(taken, withFreed(m))
			}
			for i := 19; i < len(facts); i += 20 {
				fresh := withFreed(modelOf(smallLimits, facts[:i+1]...))
				if diff := differ(fresh, taken[i]); diff != "" {
					t.Fatalf("seed %d, after fact %d (-then +now):\n%s", seed, i, diff)
				}
			}
		})
	}
}

// The model does not change the facts that are applied to it.
func TestFactsAreNotChanged(t *testing.T) {
	facts := (&story{Rand: rand.New(rand.NewPCG(1, 4))}).facts(500)
	before, err := json.Marshal(facts)
	if err != nil {
		t.Fatal(err)
	}
	modelOf(smallLimits, facts...).Snapshot()
	after, err := json.Marshal(facts)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}

// Whatever a model drops before its time it counts.
func TestLeftOutIsCounted(t *testing.T) {
	limits := smallLimits
	limits.Cgroups = 100
	m := New(limits)
	for i := range 10 {
		c := event.Container{ID: fmt.Sprint(i)}
		m.Apply(started(1, c, 5))
		m.Apply(exited(1, c, 5))
		for _, typ := range []event.Type{event.CgroupCreated, event.CgroupRemoved} {
			m.Apply(happened(1, event.Event{Type: typ, Cgroup: &event.Cgroup{Path: fmt.Sprint("/job/", i)}}))
		}
		n := &event.Namespace{Type: event.Net, ID: uint64(i + 1), Via: event.ViaClone}
		m.Apply(happened(1, event.Event{Type: event.NamespaceCreated, Namespace: n}))
		m.Apply(happened(1, event.Event{Type: event.NamespaceFreed, Namespace: n}))
	}
	for range 15 {
		m.Apply(killed(1, nil, 5))
	}
	for i := range 10 {
		m.Apply(madeByEngine(1, event.Container{ID: fmt.Sprint("never ", i)}))
	}
	want := LeftOut{Containers: uint64(10 - limits.Ended), Namespaces: uint64(10 - limits.Freed), Cgroups: uint64(10 - limits.Removed), Kills: uint64(15 - limits.Kills), Unstarted: uint64(10 - limits.Unstarted)}
	if got := m.Snapshot().LeftOut; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
