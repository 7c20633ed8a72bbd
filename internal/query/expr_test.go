package query

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// clock is 14:00 on a day, in a zone two hours east of UTC.
func clock() time.Time {
	return time.Date(2026, 11, 23, 14, 0, 0, 0, time.FixedZone("", 2*60*60))
}

// workloads are rows of each kind. Of the machine, and of the container called unknown, little is known.
func workloads() []*report.Workload {
	relation := func(r model.Relation) map[event.NamespaceType]*report.Membership {
		return map[event.NamespaceType]*report.Membership{event.Net: {ID: 1, Relation: r}, event.PID: {ID: 2, Relation: model.RelationOwn}}
	}
	return []*report.Workload{
		{
			ID: "7edab7c9fba3", Name: "web-1", Image: "nginx:1.29", Runtime: "docker", State: model.Running, OOMKills: new(uint64(2)), PID: 2251,
			Group: &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "web"}, Labels: map[string]string{"env": "prod", "tier": "front"},
			Started: clock().Add(-5 * time.Minute), Namespaces: relation(model.RelationHost), EngineRestarts: new(uint64(3)),
			Memory:   report.Memory{UsageBytes: new(uint64(48 << 20)), LimitBytes: new(uint64(64 << 20)), WorkingSetBytes: new(uint64(40 << 20))},
			Use:      &report.Use{CPUPercent: new(50.1), ThrottledPercent: new(0.0), ReceivedBytesPerSecond: new(uint64(2048))},
			Forecast: &report.Forecast{InSeconds: 40},
		},
		{
			Kind: "pod", ID: "1ab", Name: "pod", Runtime: "containerd", State: model.Exited, OOMKills: new(uint64(0)), Exit: &event.Exit{Code: new(int32(137))},
			Group:   &event.Group{Kind: event.GroupPod, Name: "cart", Namespace: "store"},
			Started: clock().Add(-3 * time.Hour), Exited: clock().Add(-time.Hour), Namespaces: relation(model.RelationOwn), Memory: report.Memory{Unlimited: true},
		},
		{Kind: "vm", ID: "vm-9", Runtime: "qemu", Name: "my machine", State: model.Running, VM: &report.VM{}},
		{ID: "c", Name: "unknown", State: model.Exited, OOMKillsAtLeast: 1},
	}
}

// accepted lists the names of the workloads that an expression accepts.
func accepted(t *testing.T, expr string) string {
	t.Helper()
	e, err := Workloads.Parse(expr, clock)
	if err != nil {
		t.Errorf("%s: %v", expr, err)
		return ""
	}
	var names []string
	for _, w := range workloads() {
		if e.Accepts(w) {
			names = append(names, w.Name)
		}
	}
	return strings.Join(names, " ")
}

func TestAccepts(t *testing.T) {
	const all = "web-1 pod my machine unknown"
	for expr, want := range map[string]string{
		// KEY=VALUE, as in `docker ps`.
		"name=EB": "web-1", "name=my machine": "my machine", "id=7ed": "web-1", "id=edab": "", "id=VM-": "my machine",
		"status=running": "web-1 my machine", "status=Exited": "pod unknown", "status=paused": "", "runtime=docker": "web-1", "runtime=dock": "",
		"kind=container": "web-1 unknown", "kind=pod": "pod", "kind=service": "", "image=nginx": "web-1", "group=shop": "web-1", "group=x": "",
		"oom=true": "web-1 unknown", "oom=false": "pod",

		// Texts. No value is unequal to an unknown one.
		"name!=web": "pod my machine unknown", `name="my machine"`: "my machine", "name = 'my machine'": "my machine",
		"image!=nginx": "", "image=?": "pod my machine unknown", "image!=?": "web-1", `name="?"`: "",
		"group!=shop": "pod my machine unknown", `group=""`: "my machine unknown", `group!=""`: "web-1 pod", "parent=?": "",
		"name~^(web|pod)": "web-1 pod", "name~^WEB-[0-9]+$": "web-1", "name!~web|pod": "my machine unknown", `name~"\d"`: "web-1",
		"name~(web|p)o?": "web-1 pod", "(name~(web|p)o?)": "web-1 pod", "name~web || name~pod": "web-1 pod", "image!~nginx": "",
		"pod=cart": "pod", "project=shop": "web-1", "namespace=store": "pod", "member=shop/web": "web-1",

		// Sets.
		"label=env=prod": "web-1", "label=env=test": "", "label=env": "", "label~^env=": "web-1", "label!=env=prod": "pod my machine unknown",

		// Numbers. Of one that may be higher it is known what is below it.
		"pid=2251": "web-1", "pid=?": "pod my machine unknown", "oom>0": "web-1 unknown", "oom>1": "web-1", "oom>=1": "web-1 unknown", "oom=1": "", "oom!=0": "web-1 unknown",
		"oom!=1": "web-1 pod", "oom<5": "web-1 pod", "oom<=2": "web-1 pod", "oom=?": "my machine unknown", "oom!=true": "pod", "oom!=false": "web-1 unknown",
		"restarts>2": "web-1", "exit=137": "pod", "inside=0": all,

		// Sizes.
		"cpu>50": "web-1", "cpu>50.1%": "", "cpu=50.1": "web-1", "throttled=0": "web-1", "psi.mem=?": "web-1 pod my machine unknown", "net.rx>=2k && net.tx=?": "web-1",
		"mem.ws>39MiB": "web-1", "mem.cache=8MiB": "web-1", "full_in<1m": "web-1", "!full_in<1m": "pod my machine unknown",
		"memory>=48MiB": "web-1", "memory>48m": "", "memory<0.1g": "web-1", "limit>1g": "pod", "limit=unlimited": "pod", "limit=67108864": "web-1", "limit!=64m": "pod",
		"limit<unlimited": "web-1", "limit=?": "my machine unknown",

		// Times.
		"started>-10m": "web-1", "started<-1h": "pod", "started>13:30": "web-1", "started>13:30:00 && started<14:00": "web-1", "exited=13:00": "pod", "exited<2026-11-23T11:00:01Z": "pod",
		"started>2026-11-23": "web-1 pod", "started>2026-11-23T13:30": "web-1", `started>"2026-11-23 13:30"`: "web-1", "started=?": "my machine unknown",

		// Whose the namespaces are.
		"net=host": "web-1", "net!=host": "pod", "pidns=own": "web-1 pod", "mnt=own": "", "mnt=?": all,

		// Words.
		"web": "web-1", "NGINX": "web-1", "my machine": "my machine", `"y m"`: "my machine", "vm-9": "my machine", "2251": "", "shop || store": "web-1 pod", "!web": "pod my machine unknown",

		// What binds more strongly than what.
		"name=web || name=pod && oom>0": "web-1", "(name=web || name=pod) && oom=0": "pod", "!name=web && status=running": "my machine",
		"!(name=web && status=running)": "pod my machine unknown", "!!name=web": "web-1", "!limit>1g": "web-1 my machine unknown",
		"name~web&&oom>0&&net=host&&group=shop": "web-1", " \t name = web \n": "web-1", "NAME=web": "web-1", `image=a\)`: "",
	} {
		if got := accepted(t, expr); got != want {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
}

// A relative time is relative to when a row is looked at.
func TestRelativeTimeMoves(t *testing.T) {
	now := clock()
	e, err := Workloads.Parse("started>-10m", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	w := &report.Workload{Started: now}
	if !e.Accepts(w) {
		t.Error("what has just started is not accepted")
	}
	if now = now.Add(11 * time.Minute); e.Accepts(w) {
		t.Error("what started 11 minutes ago is accepted")
	}
}

func TestNamespaceFields(t *testing.T) {
	n := &model.Namespace{
		Type: event.Net, ID: 4026532184, Owner: 4026531837, Processes: []int32{7, 12}, Containers: []string{"web", "db"}, PinnedBy: []string{"/run/netns/x"},
		Creator: &event.Process{Comm: "runc"},
	}
	for expr, want := range map[string]bool{
		"type=net": true, "type=mnt": false, "id=4026532184": true, "owner=4026531837": true, "parent=?": true, "host=true": false, "host!=true": true, "container=WE": true,
		"container!=web": false, "container!=x": true, "processes>1": true, "processes=0": false, "pid=12": true, "pid=1": false, "pinned=true": true, "pinned_by=netns": true, "creator=runc": true,
		"created=?": true, "created>-1h": false, "4026": true, "zebra": false,
	} {
		e, err := Namespaces.Parse(expr, clock)
		if err != nil || e.Accepts(n) != want {
			t.Errorf("%s: %v, want %v", expr, err, want)
		}
	}
}

func TestEventFields(t *testing.T) {
	kill := Event{
		First: &event.Event{
			Time: clock(), Type: event.OOMKill, PID: 9, Comm: "stress", Container: &event.Container{ID: "7edab", Name: "hog", Image: "busybox", Runtime: "docker", Group: &event.Group{Name: "shop"}},
			OOM: &event.OOM{Scope: event.ScopeCgroup, Cgroup: "/docker/7edab", LimitBytes: new(uint64(64 << 20)), Victim: event.Victim{Comm: "hungry", CommandLine: "hungry --all"}},
		},
		Line: func() string { return "14:00  hungry was killed" },
	}
	joined := Event{
		First: &event.Event{Type: event.NamespaceJoined, UID: new(uint32(0)), Self: true, Namespace: &event.Namespace{Type: event.Mnt, ID: 77, Via: event.ViaSetns, TookMS: new(12.5)}},
		Line:  func() string { return "" },
	}
	exited := Event{
		First: &event.Event{Type: event.ContainerExited, Container: &event.Container{ID: "x"}, Exit: &event.Exit{Code: new(int32(1)), Cause: event.CauseSignal}},
		Line:  func() string { return "" },
	}
	for expr, want := range map[string]string{
		"type=oom_kill": "kill", "type!=oom_kill": "joined exited", "time=14:00": "kill", "pid=9": "kill", "pid=?": "joined exited", "comm=STR": "kill", "uid=0": "joined", "self=true": "joined",
		"container=ho": "kill", "id=7e": "kill", "kind=container": "kill exited", "kind=?": "joined", "image=busy": "kill", "runtime=docker": "kill", "group=shop": "kill", "ns=mnt": "joined", "ns_id=77": "joined",
		"via=setns": "joined", "cgroup=docker": "kill", "took>12ms": "joined", "took>12.5ms": "", "took=?": "kill exited", "command~all$": "kill", "exit!=0": "exited", "cause=signal": "exited", "scope=cgroup": "kill",
		"victim=hungry": "kill", "limit>=64MiB": "kill", "was killed": "kill", "line~^14": "kill", "hog": "kill", "oom_kill": "",
	} {
		e, err := Events.Parse(expr, clock)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		var got []string
		for _, row := range []struct {
			name string
			Event
		}{{"kill", kill}, {"joined", joined}, {"exited", exited}} {
			if e.Accepts(row.Event) {
				got = append(got, row.name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", expr, got, want)
		}
	}
}

func TestString(t *testing.T) {
	for expr, want := range map[string]string{
		"name  =  web": "name=web", "NAME=Web": "name=Web", "a b": `"a b"`, "'a'": "a", `"a\"b\\c\d"`: `"a\"b\\c\\d"`, `'a\'`: `"a\\"`, "image=?": "image=?", `image='?'`: `image="?"`,
		"a||b&&!c": "a || b && !c", "(a||b)&&c": "(a || b) && c", "((a&&(b)))&&c": "a && b && c", "!(a||b)": "!(a || b)", "! ! a": "!!a", "name~(a|b)": `name~"(a|b)"`, "oom=TRUE": "oom=TRUE",
		"label=env=prod": `label="env=prod"`, "started>-10m": "started>-10m", "名前": `"名前"`,
	} {
		e, err := Workloads.Parse(expr, clock)
		if err != nil || e.String() != want {
			t.Errorf("%s: %v, %v, want %s", expr, e, err, want)
		}
	}
}

func TestWants(t *testing.T) {
	for expr, want := range map[string]bool{
		"status=exited": true, "status=EXITED": true, "oom>0 && (name=x || status=exited)": true, "!status=exited": false, "status!=exited": false, "status=running": false, "exited": false, "status~exited": false,
	} {
		if e, err := Workloads.Parse(expr, clock); err != nil || e.Wants("status", "exited") != want {
			t.Errorf("%s: %v, want %v", expr, err, want)
		}
	}
}

func ExampleFields_Parse() {
	rows := []*report.Workload{
		{Name: "web", Image: "nginx:1.29", OOMKills: new(uint64(2))}, {Name: "web-2", OOMKills: new(uint64(0))}, {Name: "db", Image: "postgres:18"},
	}
	expr, err := Workloads.Parse("name~^web && oom>0 || postgres", time.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range rows {
		if expr.Accepts(row) {
			fmt.Println(row.Name)
		}
	}
	// Output:
	// web
	// db
}

// What is parsed accepts the same when it is written in full and parsed again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "web", "name~web && oom>0 && net=host && group=shop", "!(a||'b c') && limit>=1.5g", `name~"(a|b)\d"`, "started>-10m", "image=?", "name=a b=c", "((((", "!!!", "a & b", "oom=true", `"\"`, "\xff=\xfe",
	} {
		f.Add(seed)
	}
	rows := workloads()
	f.Fuzz(func(t *testing.T, s string) {
		for cursor := range min(len(s), 64) + 1 {
			if c := Workloads.Complete(s, cursor, func() []*report.Workload { return rows }); c.From < 0 || c.From > cursor {
				t.Fatalf("completed from %d to %d", c.From, cursor)
			}
		}
		e, err := Workloads.Parse(s, clock)
		if mistake := (*Error)(nil); errors.As(err, &mistake) {
			if mistake.Offset < 0 || mistake.Length < 0 || mistake.Offset+mistake.Length > len(s) || strings.Count(mistake.Render(), "\n") != 2 {
				t.Fatalf("%+v\n%s", mistake, mistake.Render())
			}
			return
		}
		again, err := Workloads.Parse(e.String(), clock)
		if err != nil {
			if len(e.String()) > maxLength {
				return // quotes and parentheses have made it too long
			}
			t.Fatalf("%q: %v", e, err)
		}
		accepts := func(e *Expr[*report.Workload]) (which []bool) {
			for _, row := range rows {
				which = append(which, e.Accepts(row))
			}
			return which
		}
		if again.String() != e.String() || !slices.Equal(accepts(e), accepts(again)) {
			t.Fatalf("%q is %q in full, and that is %q", s, e, again)
		}
	})
}
