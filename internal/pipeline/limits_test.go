package pipeline

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/collect/limits"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// limitsTest returns the loop as the follower of limits knows it, and the facts that it applies. It runs until the
// test ends.
func limitsTest(t *testing.T) (limitsLoop, *[]fact.Fact) {
	t.Helper()
	p := nameless(t, "").loop
	var facts []fact.Fact
	p.sinks = []func(fact.Fact){func(f fact.Fact) {
		f.Time, f.BootNS = midnight, 0
		facts = append(facts, f)
	}}
	ended := make(chan struct{})
	go func() {
		p.run()
		close(ended)
	}()
	t.Cleanup(func() {
		close(p.inputs)
		<-ended
	})
	return limitsLoop{loop: p}, &facts
}

// A write names containers as they are called when the loop comes to it. The cgroup is reported first, if nothing else has
// done that.
func TestWriteIsReportedWithContainers(t *testing.T) {
	l, facts := limitsTest(t)
	l.directory.Put(container.Identity{ID: containerID(1), Runtime: runtime.Docker, Name: "web"})
	path := "/docker/" + containerID(1)
	web := &event.Container{ID: containerID(1), Runtime: runtime.Docker, Name: "web"}
	inside := limits.Writer{Process: event.Process{PID: 80, Comm: "init"}, CgroupPath: path}
	outside := limits.Writer{Process: event.Process{PID: 81, Comm: "kubelet"}, CgroupPath: "/"}
	if l.Knows(7) {
		t.Error("it is known before anything was reported")
	}
	values := &fact.CgroupLimits{Memory: &fact.Limit{}}
	l.Written(limits.Write{Time: midnight, ID: 7, Path: path, Writers: []limits.Writer{inside}, Limits: values})
	l.Written(limits.Write{Time: midnight, ID: 7, Path: path, Writers: []limits.Writer{inside, outside}})
	l.Written(limits.Write{Time: midnight, ID: 8, Path: "/a", Limits: values, After: midnight})
	if !l.Knows(7) || !l.Knows(8) {
		t.Error("a cgroup is not known after a write to it was reported")
	}
	if len(l.doubts) != 1 {
		t.Error("the containers of a cgroup that nothing had reported are not looked for")
	}
	of := func(w limits.Writer, c *event.Container) event.Process {
		w.Process.Container = c
		return w.Process
	}
	by := of(inside, web)
	want := []fact.Fact{
		{Time: midnight, Cgroups: []fact.FoundCgroup{{Path: path, Container: web}}},
		{Time: midnight, CgroupWrite: &fact.CgroupWrite{Path: path, Container: web, By: &by, Limits: values}},
		{Time: midnight, CgroupWrite: &fact.CgroupWrite{Path: path, Container: web, ByAnyOf: []event.Process{of(inside, web), of(outside, nil)}}},
		{Time: midnight, Cgroups: []fact.FoundCgroup{{Path: "/a"}}},
		{Time: midnight, CgroupWrite: &fact.CgroupWrite{Path: "/a", Limits: values, After: midnight}},
	}
	got := slices.DeleteFunc(*facts, func(f fact.Fact) bool { return f.Cgroups == nil && f.CgroupWrite == nil })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWriteToRemovedCgroupIsNotReported(t *testing.T) {
	l, facts := limitsTest(t)
	removed := event.Event{Time: midnight, BootNS: 1, Type: event.CgroupRemoved, Cgroup: &event.Cgroup{ID: 7, Path: "/a"}}
	l.ask(batch{Events: []event.Event{removed}})
	before := len(*facts)
	l.Written(limits.Write{Time: midnight, ID: 7, Path: "/a"})
	if l.Knows(7); len(*facts) != before { // the loop has handled the write by then
		t.Errorf("%+v", (*facts)[before:])
	}
}

// The status of the watch takes the place of the one before, and is reported where it differs.
func TestStatusOfTheWatchIsReplaced(t *testing.T) {
	l, facts := limitsTest(t)
	other := fact.Probe{Name: "another", Method: fact.MethodTpBTF}
	works := fact.Probe{Name: fact.ProbeCgroupWrites, Method: fact.MethodFanotify}
	failed := fact.Probe{Name: fact.ProbeCgroupWrites, Method: fact.MethodNone, Reason: "no"}
	l.WatchChanged(works) // of which nothing was said yet
	l.send(report{Probes: []fact.Probe{other, works}})
	for _, s := range []fact.Probe{works, failed, failed, works} {
		l.WatchChanged(s)
	}
	l.Knows(0)
	var got [][]fact.Probe
	for _, f := range *facts {
		got = append(got, f.Probes)
	}
	want := [][]fact.Probe{{other, works}, {other, failed}, {other, works}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
