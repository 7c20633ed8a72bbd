package ui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// The scenes that the tests draw: a small host where a container outgrows its limit again and again.

var sceneTime = time.Date(2026, 3, 14, 12, 26, 15, 0, time.UTC)

const (
	hogID     = "28473c53aa01f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899"
	webID     = "27311bb0aa01f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899"
	sidecarID = "27544dd0aa01f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899"
	agentID   = "27801ee0aa01f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899"

	mib = 1 << 20
)

func ptr[T any](v T) *T { return &v }

func mibs(n float64) *uint64 { return ptr(uint64(n * mib)) }

func hostNamespaces() (ids event.NamespaceIDs) {
	for i := range ids {
		ids[i] = 4026531834 + uint64(i)
	}
	return ids
}

// memberships reads a row of the matrix: o own, h host's, a b … shared, ? unknown.
func memberships(pattern string, base uint64) (ms [event.NamespaceTypeCount]model.Membership) {
	host := hostNamespaces()
	for i, r := range pattern {
		switch r {
		case 'o':
			ms[i] = model.Membership{ID: base + uint64(i), Relation: model.RelationOwn}
		case 'h':
			ms[i] = model.Membership{ID: host[i], Relation: model.RelationHost}
		case '?':
		default:
			ms[i] = model.Membership{
				ID: 4026532900 + uint64(r), Relation: model.RelationShared,
				Group: int(r-'a') + 1, SharedWith: model.OthersNamed("another"),
			}
		}
	}
	return ms
}

func flat(value float64) model.Series {
	points := make([]model.Point, model.HistoryLength)
	for i := range points {
		points[i] = model.Point{MaxBytes: uint64(value * mib), Known: true}
	}
	return model.SeriesOf(points...)
}

// sawTeeth returns the last minute of a container that is killed whenever it reaches its limit.
func sawTeeth() model.Series {
	points := make([]model.Point, model.HistoryLength)
	for i := 15; i < len(points); i++ {
		tooth := (i - 15) % 9
		points[i] = model.Point{MaxBytes: uint64(8+7*tooth) * mib, Known: true}
		points[i].CPUPercent, points[i].CPUKnown, points[i].Throttled = float32(6*tooth), true, tooth > 6
		if tooth == 8 {
			points[i].MaxBytes, points[i].Kills = 64*mib, 3
		}
	}
	return model.SeriesOf(points...)
}

func ref(id, name string) *event.Container {
	return &event.Container{ID: id, Name: name, Runtime: "docker"}
}

func sceneContainers() []model.Container {
	live := func(id, name, image string, pid int32, comm string, up, start time.Duration, pattern string) model.Container {
		return model.Container{
			ID: id, Label: name, Named: true, Image: image, Runtime: "docker", State: model.Running,
			InitPID: pid, InitComm: comm, CgroupPath: "/docker/" + id,
			Created: sceneTime.Add(-up - start), Started: sceneTime.Add(-up), StartDuration: &start,
			Namespaces: memberships(pattern, 4026532180+uint64(pid)), Processes: ptr(1), OOMKills: ptr(uint64(0)),
		}
	}
	hog := live(hogID, "hog", "stress-ng", 28473, "stress-ng", 45*time.Second, 412*time.Millisecond, "ooooohhh")
	hog.Memory = model.Memory{UsageBytes: mibs(63.9), LimitBytes: mibs(64), History: sawTeeth()}
	hog.OOMKills, hog.OOMKillsAtLeast, hog.Processes = ptr(uint64(12)), 12, ptr(3)
	hog.Phases = []event.Phase{
		{Name: "create", AtMS: -153.1}, {Name: "cgroup"}, {Name: "entered", AtMS: 0.2}, {Name: "namespaces", AtMS: 21.1},
		{Name: "namespace_mnt", AtMS: 21.1, TookMS: ptr(0.67)}, {Name: "namespace_net", AtMS: 21.1, TookMS: ptr(0.67)},
		{Name: "clone", AtMS: 21.9}, {Name: "mounts", AtMS: 79.8}, {Name: "mounts_last", AtMS: 92.2, Count: ptr(uint32(33))},
		{Name: "network", AtMS: 167.2}, {Name: "network_last", AtMS: 332.1}, {Name: "pivot_root", AtMS: 343.2},
		{Name: "exec", AtMS: 412}, {Name: "engine_start", AtMS: 431.5},
	}
	web := live(webID, "web", "nginx:1.27", 27311, "nginx", 62*time.Second, 388*time.Millisecond, "ooaoohhh")
	web.Memory = model.Memory{UsageBytes: mibs(5.1), Unlimited: true, History: flat(5.1)}
	web.Namespaces[event.Net].SharedWith = model.OthersNamed("sidecar")
	web.Processes = ptr(5)
	sidecar := live(sidecarID, "sidecar", "busybox", 27544, "httpd", 58*time.Second, 301*time.Millisecond, "ooaoohhh")
	sidecar.Memory = model.Memory{UsageBytes: mibs(1.2), LimitBytes: mibs(32), History: flat(1.2)}
	sidecar.Namespaces[event.Net].SharedWith = model.OthersNamed("web")
	agent := live(agentID, "agent", "registry.example.org/ops/agent:2", 27801, "agent", 26*time.Hour, 0, "ohhohhhh")
	agent.StartDuration = nil
	agent.Memory = model.Memory{UsageBytes: mibs(25.4), LimitBytes: mibs(32), History: flat(25.4)}
	agent.Processes = ptr(2)
	hog.History = hogHistory()
	web.History = []model.Entry{
		started(&web, 388, "user", "cgroup", "time"),
		{
			Time: sceneTime.Add(-40 * time.Second), Kind: model.EntryKind(event.NamespaceJoined), Count: 3, Until: sceneTime.Add(-9 * time.Second),
			By:         &event.Process{Comm: "runc:[1:CHILD]"},
			Namespaces: []model.EntryNamespace{{Type: event.Mnt, Own: true}, {Type: event.PID, Own: true}, {Type: event.Net, Own: true}},
		},
		{
			Time: sceneTime.Add(-20 * time.Second), Kind: model.EntryLimitsChanged, By: &event.Process{PID: 4410, Comm: "runc"},
			Limits: []model.LimitChange{{
				Resource: fact.ResourceMemory, From: &fact.Limit{Value: ptr(32.0 * mib)}, To: fact.Limit{Unlimited: true},
			}},
		},
	}
	sidecar.History = []model.Entry{started(&sidecar, 301, "user", "cgroup", "time")}
	agent.History = []model.Entry{{ // nsviz was started after it
		Time: sceneTime.Add(-25 * time.Hour), Kind: model.EntryFound, Init: &event.Process{PID: agent.InitPID, Comm: agent.InitComm},
		Namespaces: hostsOf("pid", "net", "uts", "user", "cgroup", "time"),
	}}
	return []model.Container{agent, web, sidecar, hog}
}

// hostsOf returns the host's namespaces of some types.
func hostsOf(types ...string) (touched []model.EntryNamespace) {
	for _, name := range types {
		t, err := event.ParseNamespaceType(name)
		if err != nil {
			panic(err)
		}
		touched = append(touched, model.EntryNamespace{Type: t, Host: true})
	}
	return touched
}

func started(c *model.Container, ms float64, hosts ...string) model.Entry {
	return model.Entry{
		Time: c.Started, Kind: model.EntryKind(event.ContainerStarted), Init: &event.Process{PID: c.InitPID, Comm: c.InitComm},
		Start: &event.Start{DurationMS: &ms, Phases: []event.Phase{{Name: "cgroup"}, {Name: "namespaces", AtMS: 21.1}}}, Namespaces: hostsOf(hosts...),
	}
}

// hogHistory returns the history of a container in which processes were killed again and again.
func hogHistory() []model.Entry {
	at := sceneTime.Add(-45*time.Second - 412*time.Millisecond)
	hog := model.Container{Started: sceneTime.Add(-45 * time.Second), InitPID: 28473, InitComm: "stress-ng"}
	kills := hogKill(12, sceneTime.Add(-1129*time.Millisecond))
	return []model.Entry{
		{Time: at, Kind: model.EntryKind(event.CgroupCreated), By: &event.Process{PID: 900, Comm: "dockerd"}, Cgroup: "/docker/" + hogID},
		{
			Time: at.Add(21 * time.Millisecond), Kind: model.EntryKind(event.NamespaceCreated), By: &event.Process{PID: 28470, Comm: "runc:[1:CHILD]"},
			Via: event.ViaUnshare, Namespaces: []model.EntryNamespace{{Type: event.Mnt}, {Type: event.PID}, {Type: event.Net}, {Type: event.IPC}, {Type: event.UTS}},
		},
		started(&hog, 412, "user", "cgroup", "time"),
		{Time: sceneTime.Add(-44 * time.Second), Kind: model.EntryLimits, Limits: []model.LimitChange{
			{Resource: fact.ResourceMemory, To: fact.Limit{Value: ptr(64.0 * mib)}},
			{Resource: fact.ResourceCPU, To: fact.Limit{Unlimited: true}}, {Resource: fact.ResourcePIDs, To: fact.Limit{Unlimited: true}},
		}},
		{
			Time: sceneTime.Add(-22029 * time.Millisecond), Kind: model.EntryKind(event.OOMKill), Count: 12, Until: kills.Event.Time,
			OOM: kills.Event.OOM,
		},
	}
}

func hogKill(n int, at time.Time) model.Kill {
	pid := int32(28490 + n)
	return model.Kill{
		Event: event.Event{
			Time: at, Type: event.OOMKill, PID: pid, Comm: "stress-ng-vm", Container: ref(hogID, "hog"),
			OOM: &event.OOM{
				Scope: event.ScopeCgroup, Cgroup: "/docker/" + hogID, LimitBytes: mibs(64), UsageBytes: mibs(64), Decision: uint64(n),
				Victim: event.Victim{
					PID: pid, TID: pid, Comm: "stress-ng-vm", ProcessComm: "stress-ng-vm", CommandLine: "stress-ng-vm [run]", AnonBytes: mibs(60.1), FileBytes: mibs(0.8), ShmemBytes: ptr(uint64(0)),
					PgtablesBytes: ptr(uint64(484 << 10)), OOMScoreAdj: ptr(int32(1000)), UID: ptr(uint32(0)), Container: ref(hogID, "hog"),
				},
				Trigger: &event.Process{PID: pid, Comm: "stress-ng-vm", ProcessComm: "stress-ng-vm", Container: ref(hogID, "hog")},
				Memory: &event.Memory{
					AnonBytes: mibs(61.2), FileBytes: ptr(uint64(0)), ShmemBytes: mibs(0.2), KernelBytes: mibs(2.4), AfterMS: 0.41,
				},
			},
		},
		Ordinal: uint64(n), Survived: ptr(true), InitPID: 28473, InitComm: "stress-ng",
	}
}

func sceneEvents(kills []model.Kill) []event.Event {
	at := sceneTime.Add(-45*time.Second - 412*time.Millisecond)
	hog := ref(hogID, "hog")
	es := []event.Event{
		{Time: at, Type: event.CgroupCreated, PID: 1, Comm: "dockerd",
			Cgroup: &event.Cgroup{Path: "/docker/" + hogID, ID: 77, Container: hog}},
	}
	for i, t := range []event.NamespaceType{event.UTS, event.Mnt, event.PID, event.Net, event.IPC} {
		es = append(es, event.Event{
			Time: at.Add(223*time.Millisecond + time.Duration(i)*time.Microsecond), Type: event.NamespaceCreated,
			PID: 28470, Comm: "runc:[1:CHILD]", Container: hog,
			Namespace: &event.Namespace{Type: t, ID: 4026532180 + uint64(i), Owner: 4026531837, Via: event.ViaUnshare},
		})
	}
	es = append(es,
		event.Event{Time: at.Add(260 * time.Millisecond), Type: event.NamespaceJoined, PID: 900, Comm: "dockerd",
			Namespace: &event.Namespace{Type: event.Net, ID: 4026532184, Via: event.ViaSetns}},
		event.Event{Time: at.Add(261 * time.Millisecond), Type: event.NamespaceJoined, PID: 900, Comm: "dockerd", Self: true,
			Namespace: &event.Namespace{Type: event.Net, ID: hostNamespaces()[event.Net], Via: event.ViaSetns}},
		event.Event{Time: at.Add(412 * time.Millisecond), Type: event.ContainerStarted, PID: 28473, Comm: "stress-ng", Container: hog,
			Start: &event.Start{DurationMS: ptr(412.3)}},
	)
	for _, k := range kills {
		es = append(es, k.Event)
	}
	return es
}

func sceneNamespaces() []model.Namespace {
	var out []model.Namespace
	host := hostNamespaces()
	for _, t := range event.NamespaceTypes() {
		n := model.Namespace{Type: t, ID: host[t], Host: true, Processes: []int32{1, 2, 900}, Containers: []string{"agent"}}
		if t != event.User {
			n.Owner = host[event.User]
		}
		out = append(out, n)
		if t <= event.UTS {
			out = append(out,
				model.Namespace{Type: t, ID: 4026532180 + uint64(t), Owner: host[event.User], Created: sceneTime.Add(-45 * time.Second),
					Via: event.ViaUnshare, Creator: &event.Process{PID: 28470, Comm: "runc:[1:CHILD]"},
					Processes: []int32{28473, 28501, 28502}, Containers: []string{"hog"}},
				model.Namespace{Type: t, ID: 4026532280 + uint64(t), Owner: host[event.User],
					Processes: []int32{27311, 27544}, Containers: []string{"sidecar", "web"}})
		}
		if t == event.Net {
			out = append(out,
				model.Namespace{Type: t, ID: 4026532390, Owner: host[event.User], PinnedBy: []string{"/run/netns/blue"}},
				model.Namespace{Type: t, ID: 4026532391, Owner: host[event.User]})
		}
	}
	return out
}

// scene returns the busy host of the pictures.
func scene() *model.Snapshot {
	s := &model.Snapshot{
		Time: sceneTime,
		Host: fact.Host{Name: "node-1", Kernel: "6.18.5", CgroupVersion: "v1", Namespaces: hostNamespaces(), MemoryBytes: 8 << 30, CPUs: 2},
		Probes: []fact.Probe{
			{Name: "namespaces by clone", Method: "tp_btf", Reason: "the cheapest hook, and this kernel has it"},
			{Name: "namespaces by unshare", Method: "tracepoint", Reason: "fentry is refused by a security module here (EPERM); this hook costs every system call of the host about 20 ns"},
			{Name: "namespaces freed", Method: "none", Reason: "no hook is allowed here; nsviz reads /proc instead"},
			{Name: "OOM victims", Method: "tp_btf"},
		},
		Engines:    []fact.Engine{{Name: "docker", State: fact.EngineConnected, Detail: "20.10.24"}},
		Containers: sceneContainers(),
		Namespaces: sceneNamespaces(),
		Totals: model.Totals{
			Events: map[event.Type]uint64{event.NamespaceCreated: 15, event.CgroupCreated: 4, event.ContainerStarted: 3, event.OOMKill: 12},
			OOMKills: map[model.KillKey]uint64{
				{Container: "hog", Scope: event.ScopeCgroup}: 12,
			},
		},
	}
	for n := 1; n <= 12; n++ {
		s.Kills = append(s.Kills, hogKill(n, sceneTime.Add(-time.Duration(13-n)*1900*time.Millisecond+771*time.Millisecond)))
	}
	s.Events = sceneEvents(s.Kills)
	return s
}

// sceneStarts is a host on which containers started at different speeds, or did not.
func sceneStarts() *model.Snapshot {
	s := scene()
	quick := s.Containers[3]
	quick.ID, quick.Label, quick.Runtime, quick.StartDuration = strings.Repeat("6", 64), "quick", "crun", ptr(18*time.Millisecond)
	quick.Phases = []event.Phase{{Name: "cgroup"}, {Name: "namespace_mnt", AtMS: 4, TookMS: ptr(0.4)}, {Name: "pivot_root", AtMS: 11}, {Name: "exec", AtMS: 18}}
	killed := s.Containers[2]
	killed.ID, killed.Label, killed.State, killed.NeverRan, killed.Exited = strings.Repeat("7", 64), "tiny", model.Exited, true, sceneTime.Add(-5*time.Second)
	kill := hogKill(1, killed.Exited)
	kill.Event.OOM.Victim.Starting, kill.Survived = true, ptr(false)
	killed.StartDuration, killed.LatestKill, killed.Exit = nil, &kill, &event.Exit{Signal: 9, Cause: event.CauseOOMKill}
	s.Containers = append(s.Containers, quick, killed)
	s.FailedStarts = []model.Container{{
		ID: strings.Repeat("8", 64), Label: "typo", Named: true, Image: "busybox", Runtime: "docker", State: model.Created,
		NeverStarted: &fact.NeverStarted{
			Made: sceneTime.Add(-9 * time.Second), Tried: sceneTime.Add(-8800 * time.Millisecond), Failed: sceneTime.Add(-8500 * time.Millisecond),
			Error: `exec: "slep": executable file not found in $PATH`, ExitCode: ptr(int32(127)),
		},
	}, {
		ID: strings.Repeat("9", 64), Label: strings.Repeat("9", 12), Runtime: "runc", State: model.Created,
		NeverStarted: &fact.NeverStarted{Tried: sceneTime.Add(-20 * time.Second), Failed: sceneTime.Add(-19 * time.Second)},
	}}
	return s
}

// sceneUnseen is the view of an nsviz that may not look into the processes of others.
func sceneUnseen() *model.Snapshot {
	s := scene()
	s.Unseen = &fact.Unseen{Processes: 51, Untraced: true}
	s.Namespaces = slices.Clone(s.Namespaces)
	for i := range s.Namespaces {
		if n := &s.Namespaces[i]; len(n.Containers) == 0 && !n.Host {
			n.Processes = nil
		}
	}
	return s
}

// sceneEmpty returns a host where nothing runs.
func sceneEmpty() *model.Snapshot {
	s := scene()
	s.Containers, s.Kills, s.Events, s.Totals = nil, nil, nil, model.Totals{}
	s.Engines[0] = fact.Engine{Name: "docker", State: fact.EngineAbsent, Detail: "nothing listens at /var/run/docker.sock"}
	return s
}

// sceneFirst returns what the first frame has: the host and nothing else.
func sceneFirst() *model.Snapshot {
	full := scene()
	return &model.Snapshot{Time: full.Time, Host: full.Host}
}

// sceneLossy returns a host where events went missing and the engine is silent.
func sceneLossy() *model.Snapshot {
	s := scene()
	s.Totals.Lost = map[string]uint64{"ring full": 12, "reader too slow": 3}
	s.Totals.BPFErrors = map[fact.ErrorPlace]uint64{"victim mm": 2}
	s.Engines[0] = fact.Engine{Name: "docker", State: fact.EngineFailing, Detail: "context deadline exceeded"}
	for i := range s.Containers {
		s.Containers[i].Label, s.Containers[i].Named = event.ShortID(s.Containers[i].ID), false
	}
	s.Events = append(s.Events, event.Event{Time: sceneTime, Type: event.EventsLost, Lost: &event.Lost{Count: 12, Reason: "ring full"}})
	return s
}

// sceneHostile has names that try to break the screen.
func sceneHostile() *model.Snapshot {
	s := scene()
	names := []string{"\x1b[31mred\x1b[0m\r\nrow", "データベース主系統本番", "a\u202egnp.exe\u202c", "bad\xff\xfeutf8\u0301\u200b"}
	for i := range s.Containers {
		s.Containers[i].Label = names[i]
		s.Containers[i].Image = "图像/名字:标签"
		s.Containers[i].InitComm = "\x1b]0;title\x07"
	}
	for i := range s.Kills {
		k := &s.Kills[i]
		k.Event.Container = ref(hogID, names[1])
		k.Event.OOM.Victim.Container = k.Event.Container
		k.Event.OOM.Victim.Comm = "\x1b[2J核心"
		k.Event.OOM.Victim.ProcessComm, k.Event.OOM.Trigger.ProcessComm = "\x1b[2J核", "\x1b[3J"
		k.Event.OOM.Victim.CommandLine, k.Event.OOM.Victim.CommandLineCut = "\x1b]0;x\x07\u202e核心", true // not as nsviz writes it
	}
	for i := range s.Containers {
		for j := range s.Containers[i].History {
			m := &s.Containers[i].History[j]
			if m.By != nil {
				m.By = &event.Process{PID: m.By.PID, Comm: "\x1b[2J核心\n", Container: ref(hogID, names[1])}
			}
			if m.OOM != nil {
				m.OOM = s.Kills[11].Event.OOM
			}
		}
	}
	s.Host.Name = "node\t\x9b1"
	s.Events = sceneEvents(s.Kills)
	s.Events = append(s.Events, event.Event{Time: sceneTime, Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/docker/\u2066evil\u2069/\x00"}})
	return s
}

// sceneEnded has ended containers, with every way to end.
func sceneEnded() *model.Snapshot {
	s := scene()
	end := func(name string, past time.Duration, kills uint64, exit *event.Exit) {
		s.Containers = append(s.Containers, model.Container{
			ID: name + "-id", Label: name, Image: "alpine", Runtime: "docker", State: model.Exited, InitPID: 29101, InitComm: "sh",
			Created: sceneTime.Add(-past - 3*time.Second), Started: sceneTime.Add(-past - 3*time.Second), Exited: sceneTime.Add(-past),
			Exit: exit, OOMKills: &kills, OOMKillsAtLeast: kills,
		})
		c := &s.Containers[len(s.Containers)-1]
		c.History = []model.Entry{started(c, 60, "user", "cgroup", "time")}
		if exit == nil {
			c.History = append(c.History, model.Entry{Time: c.Exited, Kind: model.EntryGone})
			return
		}
		c.History = append(c.History, model.Entry{Time: c.Exited, Kind: model.EntryKind(event.ContainerExited), Exit: exit})
	}
	end("job-ok", 2*time.Second, 0, &event.Exit{Code: ptr(int32(0)), Cause: event.CauseExited})
	end("job-failed", 5*time.Second, 0, &event.Exit{Code: ptr(int32(3)), Cause: event.CauseExited})
	end("job-stopped", 12*time.Second, 0, &event.Exit{Code: ptr(int32(137)), Signal: 9, Cause: event.CauseSignal, By: &event.Process{PID: 123, Comm: "runc"}})
	end("job-unseen", 59*time.Second, 0, nil)
	end("job-old", 61*time.Second, 0, &event.Exit{Code: ptr(int32(0)), Cause: event.CauseExited})
	end("job-eaten", 14*time.Minute, 1, &event.Exit{Code: ptr(int32(137)), Signal: 9, Cause: event.CauseOOMKill})
	end("job-beyond", 20*time.Minute, 3, &event.Exit{Code: ptr(int32(137)), Signal: 9, Cause: event.CauseOOMKill})
	return s
}

// sceneUnknown returns a host of which little is known.
func sceneUnknown() *model.Snapshot {
	s := scene()
	for i := range s.Containers {
		c := &s.Containers[i]
		*c = model.Container{ID: c.ID, Label: c.Label, Named: true, State: model.Running, Runtime: "docker"}
	}
	s.Containers[1].Memory.UsageBytes = mibs(5)
	s.Containers[2].Memory.LimitBytes = mibs(5)
	s.Containers[3].State = model.Starting
	s.Host = fact.Host{}
	s.Kills = []model.Kill{{Event: event.Event{Time: sceneTime, Type: event.OOMKill, OOM: &event.OOM{}}}}
	s.Events = []event.Event{s.Kills[0].Event, {Time: sceneTime, Type: "brand_new", PID: 7, Comm: "later"}}
	return s
}

// sceneShared has several groups that share several kinds of namespace.
func sceneShared() *model.Snapshot {
	s := scene()
	for i, pattern := range []string{"oabbohhh", "oabbohhh", "ocdoohhh", "ocdo?oho"} {
		s.Containers[i].Namespaces = memberships(pattern, 4026533000)
	}
	return s
}

// sceneLimits has containers whose limits do not hold, and one whose limit refuses processes.
func sceneLimits() *model.Snapshot {
	s := scene()
	s.Host.CgroupVersion = "v1"
	agent, web, hog := &s.Containers[0], &s.Containers[1], &s.Containers[3]
	agent.Unheld = &fact.Unheld{Since: sceneTime.Add(-time.Minute), Cgroup: "/", By: &event.Process{PID: 812, Comm: "bash"}}
	agent.Memory.UsageBytes = nil
	web.PIDsRefused, web.Limits.PIDs, web.Processes = ptr(uint64(1204)), &fact.Limit{Value: ptr(20.0)}, ptr(20)
	hog.Stuck = &fact.Stuck{Since: sceneTime.Add(-20 * time.Second), Cgroup: hog.CgroupPath}
	agent.History = append(agent.History, model.Entry{
		Time: agent.Unheld.Since, Kind: model.EntryKind(event.InitMoved), By: agent.Unheld.By, Moved: &event.Moved{PID: agent.InitPID, To: "/"},
	})
	web.History = append(web.History, model.Entry{
		Time: sceneTime.Add(-8 * time.Second), Kind: model.EntryPIDsRefused, Count: 1204, Until: sceneTime.Add(-time.Second),
	})
	hog.History = append(hog.History, model.Entry{Time: hog.Stuck.Since, Kind: model.EntryStuck, Cgroup: hog.CgroupPath})
	s.Events = append(s.Events, event.Event{
		Time: sceneTime.Add(-time.Minute), Type: event.InitMoved, PID: 812, Comm: "bash",
		Moved: &event.Moved{PID: 27801, Container: ref(agentID, "agent"), Home: "/docker/" + agentID, To: "/"},
	}, event.Event{
		Time: sceneTime.Add(-time.Second), Type: event.InitMoved, PID: 812, Comm: "bash",
		Moved: &event.Moved{PID: 27801, Container: ref(agentID, "agent"), Home: "/docker/" + agentID, To: "/docker/" + agentID, Held: true},
	})
	return s
}

// scenePaused has a container that its engine has paused, and one that is paused with the cgroup above it.
func scenePaused() *model.Snapshot {
	s := scene()
	agent, web := &s.Containers[0], &s.Containers[1]
	agent.State, agent.Paused = model.Paused, &fact.Paused{Since: sceneTime.Add(-time.Minute), Cgroup: "/docker", By: &event.Process{PID: 812, Comm: "bash"}}
	web.State, web.Paused = model.Paused, &fact.Paused{Since: sceneTime.Add(-time.Second), Cgroup: web.CgroupPath, By: &event.Process{PID: 813, Comm: "runc"}}
	agent.History = append(agent.History, model.Entry{Time: agent.Paused.Since, Kind: model.EntryPaused, By: agent.Paused.By, Cgroup: "/docker"})
	web.History = append(web.History, model.Entry{Time: web.Paused.Since, Kind: model.EntryPaused, By: web.Paused.By})
	return s
}

// sceneAbandoned has a container in the former network of another one, which has a new network since.
func sceneAbandoned() *model.Snapshot {
	s := scene()
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Label == "sidecar" {
			c.Namespaces[event.Net] = model.Membership{
				ID: c.Namespaces[event.Net].ID, Relation: model.RelationOwn,
				Abandoned: &model.Abandoned{By: "web"}, // since when depends on the time zone
			}
			c.History = append(c.History, model.Entry{
				Time: sceneTime.Add(-30 * time.Second), Kind: model.EntryAbandoned, Container: ref(webID, "web"), Namespaces: []model.EntryNamespace{{Type: event.Net}},
			})
		}
	}
	return s
}

// sceneVMs has virtual machines beside the containers, and a container that is one.
func sceneVMs() *model.Snapshot {
	s := scene()
	kata := model.Container{
		ID: "29333aa0aa01f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899", Label: "pod", Named: true, Image: "busybox", Runtime: "docker",
		State: model.Starting, Created: sceneTime.Add(-3 * time.Minute), Processes: ptr(2), OOMKills: ptr(uint64(0)),
		Memory: model.Memory{UsageBytes: mibs(171), LimitBytes: mibs(512), History: flat(171)},
	}
	s.Containers = append(s.Containers, kata)
	s.VMs = []model.VM{
		{VM: fact.VM{PID: 8212, Kind: "qemu", Name: "lesson", Started: sceneTime.Add(-14*time.Minute - 20*time.Second), VCPUs: ptr(2), Acceleration: "emulation", MemoryBytes: mibs(1024), ResidentBytes: mibs(412.3)}, Namespaces: memberships("hhhhhhhh", 0)},
		{VM: fact.VM{PID: 8470, Kind: "firecracker", Name: "microvm-7", Started: sceneTime.Add(-30 * time.Hour), VCPUs: ptr(1), Acceleration: "kvm", MemoryBytes: mibs(128), ResidentBytes: mibs(127.6)}, Namespaces: memberships("oohohhhh", 4026539000)},
		{VM: fact.VM{PID: 29351, Kind: "qemu", Manager: "kata", Started: sceneTime.Add(-3 * time.Minute), VCPUs: ptr(1), Acceleration: "kvm", MemoryBytes: mibs(2048), ResidentBytes: mibs(169)}, Container: "pod", Namespaces: memberships("ohohhhhh", 4026539100)},
	}
	return s
}

// sceneVMsOnly returns a host of virtual machines of which little is known.
func sceneVMsOnly() *model.Snapshot {
	s := sceneEmpty()
	s.VMs = []model.VM{
		{VM: fact.VM{PID: 41, Kind: "cloud-hypervisor"}},
		{VM: fact.VM{PID: 42, Kind: "qemu", Acceleration: "emulation", ResidentBytes: mibs(37)}},
		{VM: fact.VM{PID: 43, Kind: "dragonball", Manager: "kata", Acceleration: "kvm", MemoryBytes: mibs(2048)}},
		{VM: fact.VM{PID: 44, Kind: fact.KindGVisor, ResidentBytes: mibs(62), Started: sceneTime.Add(-time.Minute)}},
		{VM: fact.VM{PID: 45, Kind: "qemu", Acceleration: "mshv", VCPUs: ptr(64), MemoryBytes: mibs(65536), ResidentBytes: ptr(uint64(0))}},
	}
	return s
}

// sceneVMsHostile has virtual machines with names that try to break the screen.
func sceneVMsHostile() *model.Snapshot {
	s := sceneHostile()
	s.VMs = sceneVMs().VMs
	for i, name := range []string{"\x1b[2J\x1b]0;title\x07", "虚拟机\u202e名字\u0301", strings.Repeat("long ", 40)} {
		s.VMs[i].Name = name
	}
	s.VMs[1].Container, s.VMs[2].Container = s.Containers[1].Label, s.Containers[0].Label
	return s
}

// sceneManyVMs has more of both than there is room for.
func sceneManyVMs() *model.Snapshot {
	s := sceneMany(200)
	for i := range 30 {
		v := sceneVMs().VMs[i%2]
		v.PID, v.Name = int32(50000+i), fmt.Sprintf("%s-%d", v.Name, i)
		s.VMs = append(s.VMs, v)
	}
	return s
}

// sceneMany has n containers.
func sceneMany(n int) *model.Snapshot {
	s := scene()
	s.Containers = nil
	for i := range n {
		c := sceneContainers()[i%4]
		c.ID = fmt.Sprintf("%064x", i+1)
		c.Label = fmt.Sprintf("%s-%d", strings.TrimSpace(c.Label), i)
		c.InitPID = int32(30000 + i)
		s.Containers = append(s.Containers, c)
	}
	return s
}

// sceneQuiet is a host with a container, and a sandbox that is listed when asked for.
func sceneQuiet() *model.Snapshot {
	return &model.Snapshot{
		Containers: []model.Container{{ID: "a", Label: "web", State: model.Running}},
		Quiet:      []model.Container{{ID: "pid-5", Label: "bwrap-7", Kind: event.KindSandbox, State: model.Running}},
	}
}
