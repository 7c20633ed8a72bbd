package model

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// there returns what a snapshot knows to be there, without names: of those a model that has forgotten less may know more.
func there(m *Model) (list []string) {
	s := m.Full()
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Live() {
			holding, _ := json.Marshal([]any{c.Unheld, c.Stuck, c.Paused, c.PausedKnown})
			line := fmt.Sprintf("%s %s, PID 1 is %d, in %s, %s:", c.ID[:1], c.State, c.InitPID, c.CgroupPath, holding)
			for _, is := range c.Namespaces {
				line += fmt.Sprintf(" %d", is.ID)
			}
			list = append(list, line)
		}
	}
	slices.Sort(list)
	for i := range s.Cgroups {
		if g := &s.Cgroups[i]; g.Removed.IsZero() {
			limits, _ := json.Marshal(g.Limits)
			list = append(list, fmt.Sprintf("%s %s", g.Path, limits))
		}
	}
	return list
}

// asItIs returns what a snapshot says of the present, and not of what has happened.
func asItIs(m *Model) *Snapshot {
	s := m.Full()
	s.At, s.Facts, s.Events, s.Kills, s.Totals, s.LeftOut, s.Freed = 0, 0, nil, nil, Totals{}, LeftOut{}, nil
	s.Containers = slices.DeleteFunc(s.Containers, func(c Container) bool { return c.State == Exited })
	for _, list := range [][]Container{s.Containers, s.FailedStarts} {
		slices.SortFunc(list, func(a, b Container) int { return strings.Compare(a.ID, b.ID) }) // not by when they began
		for i := range list {
			list[i].forgetPast()
		}
	}
	slices.SortFunc(s.FailedStarts, func(a, b Container) int { return strings.Compare(a.ID, b.ID) })
	for i := range s.FailedStarts {
		s.FailedStarts[i].History = nil
	}
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		n.Created, n.CreatedAt, n.Creator, n.Via, n.History = time.Time{}, 0, nil, "", nil
	}
	s.Cgroups = slices.DeleteFunc(s.Cgroups, func(g Cgroup) bool { return !g.Removed.IsZero() })
	for i := range s.Cgroups {
		g := &s.Cgroups[i]
		g.Created, g.Creator, g.OOMKills, g.History = time.Time{}, nil, 0, nil
	}
	return s
}

// forgetPast removes what a model cannot know that has missed some facts.
func (c *Container) forgetPast() {
	c.Created, c.StartDuration, c.Phases, c.LatestKill, c.OOMKillsUnobserved, c.History = time.Time{}, nil, nil, nil, nil, nil
	c.Memory.History, c.Previous, c.CreatedAt = Series{}, nil, 0
	for t := range c.Namespaces {
		if by := c.Namespaces[t].Abandoned; by != nil && by.Ended {
			c.Namespaces[t].Abandoned = &Abandoned{By: by.By, Ended: true} // when is not known
		}
	}
}

// Whatever facts are missing, a model says of the present after a resync, and when all has been read again, what one says
// that missed none.
func TestResyncIsComplete(t *testing.T) {
	t.Parallel()
	a, b, c, d := who("a", "vpn"), who("b", "app"), who("c", "job"), who("d", "db")
	never, failed, later := who("e", "never"), who("f", "failed"), who("9", "later")
	pod := &event.Group{Kind: event.GroupPod, Name: "cart", Namespace: "shop"}
	b.Kind, b.Group, b.Labels = event.KindPod, pod, map[string]string{"tier": "front"}
	c.Group, never.Group = &event.Group{Kind: event.GroupPod, Name: "cart", Namespace: "shop", Member: "app"}, pod
	in := func(net uint64) []uint64 { return []uint64{1, 2, net, 4} }
	outside := found(12, d, 70, in(31)...)
	outside.Found.Unheld, outside.Found.MadeFor = &fact.Unheld{Cgroup: "/"}, map[event.NamespaceType]event.Container{event.Net: a}
	outside.Found.OOMKills = new(uint64(2))
	grouped := decided(killed(13, &a, 53), 4)
	grouped.Event.OOM.Group = true
	surveyed := survey(16, fact.Namespace{Type: event.Net, ID: 30, Owner: 1, Processes: []int32{60}}, fact.Namespace{Type: event.Net, ID: 31, Processes: []int32{50, 70}, PinnedBy: []string{"/run/x"}})
	surveyed.Namespaces.VMs, surveyed.Namespaces.Unseen = []fact.VM{{PID: 9, Kind: "qemu"}}, &fact.Unseen{Processes: 3}
	facts := []fact.Fact{
		hostIs(1, 2, 3, 4), {Time: at(0), Probes: []fact.Probe{{Name: fact.ProbeCgroupWrites, Method: "fanotify"}, {Name: fact.ProbeContainerStarts, Method: "tp_btf"}}},
		{Time: at(0), Engine: &fact.Engine{Name: "docker", State: fact.EngineConnecting}}, {Time: at(0), Cgroups: []fact.FoundCgroup{{Path: "/"}, {Path: "/jobs"}}},
		madeByEngine(1, later), created(1, a), namespaceCreated(1.1, 9, "runc", &a, event.Net, 30), started(2, a, 50, in(30)...), created(3, b), started(4, b, 60, in(30)...),
		created(4, c), started(4.5, c, 80, in(3)...), madeByEngine(5, failed), moved(5, c, 80, "/", false),
		// From here on some are missing.
		saves(6, fact.SavesPast), madeByEngine(6, never), created(6.1, failed), notStarted(6.2, failed, "busy"), removed(6.3, failed),
		created(6.4, later), started(6.5, later, 90, in(30)...), moved(6.6, c, 80, path(c), true), moved(6.7, b, 60, "/x", false),
		exited(7, a, 50), removed(7.1, a), created(8, a), namespaceCreated(8.1, 9, "runc", &a, event.Net, 31), started(9, a, 51, in(31)...),
		wrote(10, c, "bash", fact.CgroupLimits{Memory: limit(7)}), createdAt(11, who("8", ""), "/jobs/8"), outside,
		killed(12.5, &b, 61), grouped, {Time: at(14), BPFErrors: map[fact.ErrorPlace]uint64{"read": 3}}, read(15, a, fact.Reading{StuckAt: new("/docker")}),
		read(15.5, a, fact.Reading{StuckAt: new("/docker")}), named(15.55, who("b", "app-2")), froze(15.6, path(b), true), froze(15.7, path(d), true), froze(15.8, path(d), false), surveyed, {Time: at(17), Engine: &fact.Engine{Name: "docker", State: fact.EngineConnected}}, passed(18),
	}
	again := []fact.Fact{{Time: at(20)}}
	for n, r := range []fact.Reading{{ID: a.ID, OOMKills: new(uint64(2))}, {ID: b.ID, OOMKills: new(uint64(1))}, {ID: c.ID, OOMKills: new(uint64(0))}, {ID: d.ID, OOMKills: new(uint64(2))}, {ID: later.ID, OOMKills: new(uint64(0))}} {
		r.UsageBytes, r.Processes, r.PIDsRefused, r.StuckAt, r.Limits = new(uint64(n)), new(n), new(uint64(n)), new(""), &fact.CgroupLimits{Memory: limit(7)}
		if n == 0 {
			r.StuckAt = new("/docker")
		}
		again[0].Memory = append(again[0].Memory, r)
	}
	const first = 13
	for from := first; from < len(facts); from++ {
		for to := from + 1; to <= len(facts); to++ {
			full, lossy := New(DefaultLimits()), New(DefaultLimits())
			for i, f := range facts[:to] {
				full.Apply(f)
				if i < from {
					lossy.Apply(f)
				}
			}
			resync(t, full, lossy)
			for range 3 {
				for _, f := range again {
					full.Apply(f)
					lossy.Apply(f)
				}
			}
			if diff := difference(asItIs(full), asItIs(lossy), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("without facts %d to %d (-all +some):\n%s", from, to-1, diff)
			}
			for _, f := range facts[to:] {
				full.Apply(f)
				lossy.Apply(f)
			}
		}
	}
}

// resync brings a model that has missed some facts up to another one, by way of a recording.
func resync(t *testing.T, full, lossy *Model) {
	t.Helper()
	data, err := json.Marshal(full.Resync())
	if err != nil {
		t.Fatal(err)
	}
	var facts []fact.Fact
	if err := json.Unmarshal(data, &facts); err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		lossy.Apply(f)
	}
}

// A model that has missed some facts knows after a resync what is there, and what is not any more.
func TestResync(t *testing.T) {
	t.Parallel()
	limits := smallLimits
	limits.Cgroups = 100
	for seed := range uint64(60) {
		random := &story{Rand: rand.New(rand.NewPCG(seed, 6))}
		facts := random.facts(300)
		full, lossy := New(limits), New(limits)
		from := random.IntN(250)
		to := from + random.IntN(50)
		for i, f := range facts {
			full.Apply(f)
			if i < from || i >= to {
				lossy.Apply(f)
			}
			if i != to {
				continue
			}
			resync(t, full, lossy)
			if diff := difference(there(full), there(lossy)); diff != "" {
				t.Fatalf("seed %d, without facts %d to %d (-all +some):\n%s", seed, from, to, diff)
			}
			for id := range lossy.namespaces {
				if full.namespaces[id] == nil {
					t.Fatalf("seed %d, without facts %d to %d: namespace %d is still there", seed, from, to, id)
				}
			}
		}
	}
}

// A container that was created before facts were missing, and started and ended meanwhile, does not become one that never
// started.
func TestResyncOfWhatWasMade(t *testing.T) {
	ran, old := who("a", "ran"), who("b", "old")
	before := []fact.Fact{madeByEngine(1, old), notStarted(2, old, "busy"), madeByEngine(1500, ran)}
	full := modelOf(DefaultLimits(), append(before, created(1501, ran), started(1502, ran, 7), exited(1503, ran, 7), removed(1503, ran))...)
	lossy := modelOf(RecordingLimits(), before...)
	for _, f := range full.Resync() {
		lossy.Apply(f)
	}
	if s := lossy.Full(); len(s.Containers) != 1 || s.Containers[0].Label != "old" {
		t.Errorf("%+v", s.Containers)
	}
}

// What was missed shows as such, and what it has ended has not vanished.
func TestResyncInTheHistories(t *testing.T) {
	a, b, c := who("a", "stays"), who("b", "ends"), who("c", "comes")
	full := modelOf(DefaultLimits(), started(1, a, 50), started(1, b, 51), started(3, c, 52), exited(3, b, 51))
	lossy := modelOf(DefaultLimits(), started(1, a, 50), started(1, b, 51), happened(4, event.Event{
		Type: event.EventsLost, Lost: &event.Lost{Count: 2, Reason: event.LostRecording},
	}))
	for _, f := range full.Resync() {
		f.Time = at(4)
		lossy.Apply(f)
	}
	s := lossy.Snapshot()
	for letter, want := range map[string][]string{"a": {"container_started"}, "b": {"container_started", "gone"}, "c": {"found"}} {
		if diff := cmp.Diff(want, kinds(s.container(t, letter).History)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", letter, diff)
		}
	}
	if s.LostCount() != 2 {
		t.Errorf("%d lost", s.LostCount())
	}
	lossy.Apply(exited(5, b, 51)) // was only late
	if got := lossy.Snapshot().container(t, "b"); got.Exit == nil {
		t.Error("the end that came late is not taken in")
	}
}
