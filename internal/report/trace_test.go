package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

var (
	began = time.Date(2026, 11, 29, 13, 0, 0, 0, time.UTC)
	host  = event.NamespaceIDs{event.Mnt: 1, event.PID: 2, event.Net: 3, event.IPC: 4, event.UTS: 5, event.User: 6, event.CgroupNS: 7, event.Time: 8}
)

func traced(descends bool, e event.Event) TracedFact {
	e.Time = began.Add(time.Second)
	return TracedFact{fact.Fact{Event: &e}, descends}
}

func namespaceMade(pid int32, comm string, typ event.NamespaceType, id uint64) event.Event {
	return event.Event{Type: event.NamespaceCreated, PID: pid, Comm: comm, Namespace: &event.Namespace{Type: typ, ID: id, Via: event.ViaUnshare}}
}

func cgroupMade(path string, c *event.Container) event.Event {
	return event.Event{Type: event.CgroupCreated, PID: 21, Comm: "runc", Cgroup: &event.Cgroup{Path: path, Container: c}}
}

func ofCommand(args ...string) TracedCommand {
	return TracedCommand{Command: args, PID: 10, Started: began, Ended: began.Add(2 * time.Second)}
}

func textOf(t *testing.T, trace *Trace) string {
	t.Helper()
	var out strings.Builder
	if err := trace.WriteText(&out, time.UTC, 80); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What an engine makes for its client is attributed by time, with the namespaces that it makes beforehand.
func TestTraceOfAnEnginesClient(t *testing.T) {
	c := ended(&event.Exit{Code: new(int32(137)), Signal: 9, Cause: event.CauseOOMKill})
	c.CgroupPath, c.OOMKills, c.OOMKillsAtLeast, c.LatestKill = "/docker/web", new(uint64(1)), 1, new(killed(100, web))
	c.LatestKill.Event.Time = began.Add(time.Second)
	s := &model.Snapshot{Host: fact.Host{Namespaces: host}, Containers: []model.Container{c}, Kills: []model.Kill{*c.LatestKill}}
	ids := host
	ids[event.Mnt], ids[event.Net], ids[event.UTS] = 11, 13, 99
	started := event.Event{Type: event.ContainerStarted, PID: 100, Comm: "sh", Container: web, Start: &event.Start{Namespaces: ids, DurationMS: new(3.5)}}
	of := ofCommand("docker", "run", "web")
	of.ExitCode = 137
	trace := NewTrace(of, []TracedFact{
		traced(false, namespaceMade(20, "dockerd", event.Net, 13)),
		traced(false, namespaceMade(30, "chrome", event.Net, 14)), // somebody else's
		traced(false, cgroupMade("/docker/web", web)), traced(false, cgroupMade("/docker/web/below", web)),
		traced(false, namespaceMade(21, "runc", event.Mnt, 11)), traced(false, started), traced(false, c.LatestKill.Event),
		traced(false, killed(91, db).Event), // in another container
		traced(false, event.Event{Type: event.ContainerExited, PID: 100, Container: web, Exit: c.Exit}),
	}, nil, 0, s)
	if len(trace.Workloads) != 1 || trace.Workloads[0].Attributed != ByTime || trace.Workloads[0].Start.Namespaces != ids || *trace.Workloads[0].Start.DurationMS != 3.5 {
		t.Errorf("workloads: %+v", trace.Workloads)
	}
	if len(trace.Namespaces) != 2 || len(trace.Kills) != 1 || len(trace.Cgroups) != 2 || trace.OOMKilled() {
		t.Errorf("%d namespaces, %d kills, %d cgroups", len(trace.Namespaces), len(trace.Kills), len(trace.Cgroups))
	}
	text := textOf(t, &trace)
	for _, want := range []string{
		"nsviz trace: docker run web\nIt ended with exit code 137 after 2000 ms.\n", "attributed by time alone", trace.Workloads[0].Sentence,
		"its own     mnt and net\n", "the host's  pid, ipc, user, cgroup and time\n", "another's   uts\n", "\nOOM kills\n",
		"dockerd (20): net 13 (by time alone)\n", "runc (21): /docker/web, /docker/web/below (by time alone)\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "chrome") {
		t.Errorf("another process's in\n%s", text)
	}
}

// What descendants do belongs to the command; sandboxes of others do not.
func TestTraceOfDescendants(t *testing.T) {
	sandbox := event.Container{ID: "pid:12", Name: "unshare-10", Kind: event.KindSandbox}
	other := event.Container{ID: "pid:55", Name: "chrome-7", Kind: event.KindSandbox}
	found := func(c event.Container, id uint64) TracedFact {
		return TracedFact{fact.Fact{Found: &fact.Found{Container: c, Namespaces: event.NamespaceIDs{event.PID: id}}}, false}
	}
	of := ofCommand("sh", "x\x1b[2Jy")
	of.Signal, of.ExitCode, of.Unfollowed = 9, 137, "it is a test"
	kill := event.Event{Type: event.OOMKill, PID: 10, Comm: "sh", OOM: &event.OOM{Scope: event.ScopeSystem, Victim: event.Victim{PID: 10, Comm: "sh"}}}
	lost := traced(false, event.Event{Type: event.EventsLost, Lost: &event.Lost{Count: 3}})
	self := namespaceMade(9, "nsviz", event.UTS, 77)
	self.Self = true
	trace := NewTrace(of, []TracedFact{
		traced(false, namespaceMade(10, "unshare", event.PID, 12)), found(sandbox, 12), found(other, 55), traced(true, self),
		traced(true, event.Event{Type: event.NamespaceJoined, PID: 15, Comm: "ip", Namespace: &event.Namespace{Type: event.Net, ID: 44, Name: "blue"}}),
		traced(true, event.Event{Type: event.NamespaceJoined, PID: 16, Comm: "nsenter", Namespace: &event.Namespace{Type: event.Net, ID: 45, Of: db}}),
		traced(true, event.Event{Type: event.ContainerEntered, PID: 16, Comm: "ls", Entered: &event.Entered{Container: db, CommandLine: "ls -l"}}),
		traced(true, kill), lost,
	}, []TracedMachine{{fact.VM{PID: 31, Kind: "qemu", Name: "box"}, true}}, 2, &model.Snapshot{Host: fact.Host{Namespaces: host}})
	if len(trace.Workloads) != 1 || trace.Workloads[0].Container.ID != sandbox.ID || trace.Workloads[0].Attributed != ByDescent {
		t.Errorf("workloads: %+v", trace.Workloads)
	}
	want := strings.Join([]string{
		`nsviz trace: sh x\x1b[2Jy`, "The kernel's OOM killer killed it after 2000 ms.", "Not all of its descendants are known: it is a test.", "",
	}, "\n")
	text := textOf(t, &trace)
	if got := text[:min(len(text), len(want))]; got != want {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
	}
	for _, want := range []string{
		"\nunshare-10", "its own     pid\n", "qemu box, process 31\n", "unshare (10): pid 12\n", "ip (15): net 44 named blue\n", "db: ls -l\n",
		"2 facts were not kept", "3 events were lost",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, wrong := range []string{"chrome", "nsenter (16)", "by time alone", "77"} {
		if strings.Contains(text, wrong) {
			t.Errorf("%q in\n%s", wrong, text)
		}
	}
}

func TestTraceOfNothing(t *testing.T) {
	trace := NewTrace(ofCommand("true"), nil, nil, 0, &model.Snapshot{})
	want := "nsviz trace: true\nIt ended with exit code 0 after 2000 ms.\nIt isolated nothing: no namespace, no cgroup and no container was made for it.\n"
	if text := textOf(t, &trace); text != want {
		t.Errorf("%q", text)
	}
	of := ofCommand("sleep")
	of.Signal = 15
	trace = NewTrace(of, nil, nil, 0, &model.Snapshot{})
	if text := textOf(t, &trace); !strings.Contains(text, "It was ended by signal 15 (SIGTERM) after 2000 ms.\n") {
		t.Errorf("%q", text)
	}
}

// A report on as many facts as are kept takes a moment: no list is searched for each element of another.
func TestTraceOfVeryMuch(t *testing.T) {
	const n = 1 << 13
	at := time.Unix(1, 0)
	s := &model.Snapshot{Time: at}
	var facts []TracedFact
	add := func(e event.Event) {
		e.Time = at
		facts = append(facts, TracedFact{Fact: fact.Fact{Event: &e}, Descends: true})
	}
	for i := range n {
		id, pid := uint64(i+1), int32(i+1)
		add(event.Event{Type: event.NamespaceCreated, PID: pid, Namespace: &event.Namespace{Type: event.Net, ID: id}})
		start := event.Start{}
		start.Namespaces[event.Net] = id
		add(event.Event{Type: event.ContainerStarted, PID: pid, Container: &event.Container{ID: fmt.Sprint(i), Kind: event.KindSandbox}, Start: &start})
		add(event.Event{Type: event.NamespaceJoined, PID: pid, Namespace: &event.Namespace{Type: event.Net, ID: id}})
		add(event.Event{Type: event.ContainerEntered, PID: pid + n/2, Entered: &event.Entered{}})
		kill := event.Event{Type: event.OOMKill, Time: at, OOM: &event.OOM{Victim: event.Victim{PID: pid, Comm: "worker"}}}
		add(kill)
		if i < 500 { // as many as a snapshot may have
			s.Kills = append(s.Kills, model.Kill{Event: kill})
		}
	}
	before := time.Now()
	trace := NewTrace(TracedCommand{PID: 1, Command: []string{"x"}}, facts, nil, 0, s)
	var text strings.Builder
	if err := trace.WriteText(&text, time.UTC, 100); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if len(trace.Workloads) != n || len(trace.Namespaces) != n || len(trace.Joined) != n/2 || len(trace.Entries) != n || len(trace.Kills) != n {
		t.Errorf("%d workloads, %d namespaces, %d joins, %d entries, %d kills", len(trace.Workloads), len(trace.Namespaces), len(trace.Joined), len(trace.Entries), len(trace.Kills))
	}
	if own, _, _ := trace.ownAndShared(trace.Workloads[n-1].Start.Namespaces); !slices.Equal(own, []string{"net"}) {
		t.Errorf("the last one has %v of its own", own)
	}
}
