// Package webuitest has hosts that tests of the page look at: a busy one, one with many containers, and one with hostile names.
package webuitest

import (
	"fmt"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

const mib = 1 << 20

// Hostile is a name that no container should have: it would be a script, act on a terminal, write from right to left, and fill a page.
var Hostile = `</script><script>document.title='owned'</script><img src=x onerror="document.title='owned'">` +
	"\x1b[2J\u202egnp.exe\u2066&amp;'\"`${1}\x00\u200b" + strings.Repeat("w", 4096)

func mibs(n float64) *uint64 { return new(uint64(n * mib)) }

func hostNamespaces() (ids event.NamespaceIDs) {
	for i := range ids {
		ids[i] = 4026531834 + uint64(i)
	}
	return ids
}

// memberships reads a letter for each type: o own, h the host's, a dead one by !, unknown by ?, and others for shared ones.
func memberships(pattern string, base uint64, others ...string) (ms [event.NamespaceTypeCount]model.Membership) {
	host := hostNamespaces()
	for i, r := range pattern {
		switch r {
		case 'o':
			ms[i] = model.Membership{ID: base + uint64(i), Relation: model.RelationOwn}
		case '!':
			ms[i] = model.Membership{ID: base + uint64(i), Relation: model.RelationOwn, Abandoned: &model.Abandoned{By: "an earlier one"}}
		case 'h':
			ms[i] = model.Membership{ID: host[i], Relation: model.RelationHost}
		case '?':
		default:
			ms[i] = model.Membership{ID: 4026532900 + uint64(r)*10 + uint64(i), Relation: model.RelationShared, Group: int(r-'a') + 1, SharedWith: model.OthersNamed(others...)}
		}
	}
	return ms
}

// ID returns the id of a container of these hosts.
func ID(n int) string { return fmt.Sprintf("5afe%08x%052x", 0x1357*(n+1), n) }

func container(at time.Time, n int, name, image, comm, pattern string, up time.Duration, others ...string) model.Container {
	pid := int32(20000 + 7*n)
	start := time.Duration(180+37*n%400) * time.Millisecond
	return model.Container{
		ID: ID(n), Label: name, Named: true, Image: image, Runtime: "docker", State: model.Running, InitPID: pid, InitComm: comm,
		CgroupPath: "/docker/" + ID(n), Created: at.Add(-up - start), Started: at.Add(-up), StartDuration: &start, StuckKnown: true, PausedKnown: true,
		Namespaces: memberships(pattern, 4026532180+10*uint64(n), others...), Processes: new(1 + n%5), OOMKills: new(uint64(0)),
		Use: &model.Use{CPUPercent: new(float64(n%7) * 1.7)},
	}
}

func memory(used, working, limit float64) model.Memory {
	m := model.Memory{UsageBytes: mibs(used), WorkingSetBytes: mibs(working), History: flat(used)}
	if limit > 0 {
		m.LimitBytes = mibs(limit)
	} else {
		m.Unlimited = true
	}
	return m
}

func flat(used float64) model.Series {
	points := make([]model.Point, model.HistoryLength)
	for i := range points {
		points[i] = model.Point{MaxBytes: uint64(used * mib), Known: true, CPUPercent: 2, CPUKnown: true}
	}
	return model.SeriesOf(points...)
}

// teeth returns the last minute of a container that is killed whenever it reaches its limit.
func teeth() model.Series {
	points := make([]model.Point, model.HistoryLength)
	for i := 15; i < len(points); i++ {
		tooth := (i - 15) % 9
		points[i] = model.Point{MaxBytes: uint64(8+7*tooth) * mib, Known: true, CPUPercent: float32(6 * tooth), CPUKnown: true}
		if tooth == 8 {
			points[i].MaxBytes, points[i].Kills = 64*mib, 3
		}
	}
	return model.SeriesOf(points...)
}

// Kill returns the nth OOM kill in a container.
func Kill(c *model.Container, n int, at time.Time) model.Kill {
	pid := int32(28490 + n)
	in := c.Identity()
	return model.Kill{
		Event: event.Event{
			Time: at, Type: event.OOMKill, PID: pid, Comm: "stress-ng-vm", Container: &in,
			OOM: &event.OOM{
				Scope: event.ScopeCgroup, Cgroup: c.CgroupPath, LimitBytes: mibs(64), UsageBytes: mibs(64), Decision: uint64(n),
				Victim: event.Victim{
					PID: pid, TID: pid, Comm: "stress-ng-vm", CommandLine: "stress-ng-vm [run]", AnonBytes: mibs(60.1), FileBytes: mibs(0.8),
					PgtablesBytes: new(uint64(484 << 10)), OOMScoreAdj: new(int32(1000)), Container: &in,
				},
				Trigger: &event.Process{PID: pid, Comm: "stress-ng-vm", Container: &in},
			},
		},
		At: model.Instant(at.UnixNano()), Ordinal: uint64(n), Survived: new(true), InitPID: c.InitPID, InitComm: c.InitComm,
	}
}

func host(at time.Time) *model.Snapshot {
	return &model.Snapshot{
		Time: at, At: model.Instant(at.UnixNano()),
		Host:   fact.Host{Name: "node-1", Kernel: "6.18.5", CgroupVersion: "v2", Namespaces: hostNamespaces(), MemoryBytes: 8 << 30, CPUs: 2},
		Totals: model.Totals{Since: at.Add(-3 * time.Hour), OOMKills: map[model.KillKey]uint64{}},
	}
}

// Busy returns a host with containers of all sorts, a pod, a project and a virtual machine. In one of them the kernel has just killed.
func Busy(at time.Time) *model.Snapshot {
	s := host(at)
	agent := container(at, 1, "agent", "registry.example.org/ops/agent:2", "agent", "ohhohhhh", 26*time.Hour)
	agent.Memory = memory(25.4, 24, 32)
	web := container(at, 2, "web", "nginx:1.27", "nginx", "ooaoohhh", 62*time.Minute, "sidecar")
	web.Memory = memory(15.1, 9.2, 0)
	sidecar := container(at, 3, "sidecar", "busybox", "httpd", "ooaoohhh", 58*time.Minute, "web")
	sidecar.Memory = memory(1.2, 1.2, 32)
	db := container(at, 4, "shop-db-1", "postgres:17", "postgres", "ooooohhh", 3*time.Hour)
	db.Memory, db.Group = memory(402, 180, 512), &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "db"}
	shop := container(at, 5, "shop-web-1", "shop/web:4", "node", "ooooohhh", 3*time.Hour)
	shop.Memory, shop.Group = memory(118, 117, 128), &event.Group{Kind: event.GroupCompose, Name: "shop", Member: "web"}
	shop.Forecast = &model.Forecast{Room: fact.MemoryRoom{Cgroup: shop.CgroupPath, LimitBytes: 128 * mib, WorkingSetBytes: 117 * mib}, In: 40 * time.Second, BytesPerSecond: 280 << 10}
	cart := container(at, 6, "k8s_cart_cart-7d9f_shop", "shop/cart:1", "cart", "oobbbhhh", 50*time.Minute, "k8s_log_cart-7d9f_shop")
	cart.Memory, cart.Group = memory(60, 50, 256), &event.Group{Kind: event.GroupPod, Namespace: "shop", Name: "cart-7d9f", Member: "cart"}
	logs := container(at, 7, "k8s_log_cart-7d9f_shop", "fluent/bit:3", "fluent-bit", "oobbbhhh", 49*time.Minute, "k8s_cart_cart-7d9f_shop")
	logs.Memory, logs.Group = memory(12, 8, 64), &event.Group{Kind: event.GroupPod, Namespace: "shop", Name: "cart-7d9f", Member: "log"}
	paused := container(at, 8, "frozen", "busybox", "sleep", "ooooohhh", 12*time.Minute)
	paused.State, paused.Memory = model.Paused, memory(0.6, 0.6, 16)
	paused.Paused = &fact.Paused{Cgroup: paused.CgroupPath, Since: at.Add(-time.Minute)}
	hog := container(at, 9, "hog", "stress-ng", "stress-ng", "ooooohhh", 45*time.Second)
	hog.Memory = model.Memory{UsageBytes: mibs(63.9), LimitBytes: mibs(64), WorkingSetBytes: mibs(63.9), History: teeth()}
	hog.OOMKills, hog.OOMKillsAtLeast, hog.Processes = new(uint64(12)), 12, new(3)
	hog.Phases = []event.Phase{
		{Name: "create", AtMS: -153.1}, {Name: "cgroup"}, {Name: "entered", AtMS: 0.2}, {Name: "namespaces", AtMS: 21.1},
		{Name: "namespace_mnt", AtMS: 21.1, TookMS: new(0.67)}, {Name: "namespace_net", AtMS: 21.1, TookMS: new(0.67)},
		{Name: "clone", AtMS: 21.9}, {Name: "mounts", AtMS: 79.8}, {Name: "mounts_last", AtMS: 92.2, Count: new(uint32(33))},
		{Name: "network", AtMS: 167.2}, {Name: "network_last", AtMS: 332.1}, {Name: "pivot_root", AtMS: 343.2}, {Name: "exec", AtMS: 412}, {Name: "engine_start", AtMS: 431.5},
	}
	for n := 1; n <= 12; n++ {
		s.Kills = append(s.Kills, Kill(&hog, n, at.Add(-time.Duration(13-n)*1900*time.Millisecond+771*time.Millisecond)))
	}
	hog.LatestKill = &s.Kills[11]
	hog.History = []model.Entry{
		{Time: hog.Created, Kind: model.EntryKind(event.CgroupCreated), By: &event.Process{PID: 900, Comm: "dockerd"}, Cgroup: hog.CgroupPath},
		{Time: hog.Started, Kind: model.EntryKind(event.ContainerStarted), Init: &event.Process{PID: hog.InitPID, Comm: hog.InitComm}},
		{Time: at.Add(-22 * time.Second), Kind: model.EntryKind(event.OOMKill), Count: 12, Until: hog.LatestKill.Event.Time, OOM: hog.LatestKill.Event.OOM},
	}
	gone := container(at, 10, "batch", "busybox", "sh", "ooooohhh", 30*time.Minute)
	gone.State, gone.Exited, gone.ExitedAt = model.Exited, at.Add(-10*time.Minute), model.Instant(at.Add(-10*time.Minute).UnixNano())
	gone.Exit, gone.Processes, gone.Use = &event.Exit{Signal: 9, Cause: event.CauseOOMKill}, nil, nil
	gone.OOMKills, gone.OOMKillsAtLeast = new(uint64(1)), 1
	s.Containers = []model.Container{agent, db, shop, web, sidecar, cart, logs, paused, hog, gone}
	s.FailedStarts = []model.Container{{
		ID: ID(11), Label: "typo", Named: true, Image: "busybox", Runtime: "docker", State: model.Created,
		NeverStarted: &fact.NeverStarted{Made: at.Add(-90 * time.Second), Tried: at.Add(-90 * time.Second), Failed: at.Add(-90 * time.Second), Error: `exec: "slep": executable file not found in $PATH`, ExitCode: new(int32(127))},
	}}
	s.VMs = []model.VM{{
		VM:         fact.VM{PID: 31007, Kind: fact.KindQEMU, Name: "lesson", Started: at.Add(-20 * time.Minute), VCPUs: new(2), MemoryBytes: mibs(1024), ResidentBytes: mibs(310), Acceleration: "kvm"},
		Namespaces: memberships("hhhhhhhh", 0),
	}}
	s.Namespaces = []model.Namespace{{Type: event.Net, ID: 4026533390, PinnedBy: []string{"/run/netns/blue"}}}
	s.Totals.OOMKills[model.KillKey{Container: "hog", Scope: event.ScopeCgroup}] = 12
	s.Totals.OOMKills[model.KillKey{Container: "batch", Scope: event.ScopeCgroup}] = 1
	return s
}

// Crowd returns a host with n containers, whose use differs from one tick to the next.
func Crowd(at time.Time, n, tick int) *model.Snapshot {
	s := host(at)
	for i := range n {
		c := container(at, i, fmt.Sprintf("job-%03d", i), "registry.example/team/app:1.0", "app", "ooooohhh", time.Duration(i)*time.Minute)
		c.Memory = memory(float64((i*7+tick*(i%5))%64), float64((i*7+tick*(i%5))%64)*0.8, 64)
		c.Use.CPUPercent = new(float64((i + tick) % 90))
		s.Containers = append(s.Containers, c)
	}
	return s
}

// Rude returns a host on which everything that has a name has a hostile one.
func Rude(at time.Time) *model.Snapshot {
	s := Busy(at)
	s.Host.Name, s.Host.Kernel = Hostile, Hostile
	for i := range s.Containers {
		c := &s.Containers[i]
		c.Label, c.Image, c.InitComm, c.Runtime = fmt.Sprint(i, Hostile), Hostile, Hostile, Hostile
		c.CgroupPath = "/" + Hostile
		if c.Group != nil {
			c.Group = &event.Group{Kind: c.Group.Kind, Name: Hostile, Namespace: Hostile, Member: fmt.Sprint(i, Hostile)}
		}
		for t := range c.Namespaces {
			if c.Namespaces[t].Relation == model.RelationShared {
				c.Namespaces[t].SharedWith = model.OthersNamed(Hostile)
			}
		}
		for n := range c.History {
			c.History[n].By, c.History[n].Cgroup = &event.Process{PID: 9, Comm: Hostile}, "/"+Hostile
		}
	}
	for i := range s.FailedStarts {
		s.FailedStarts[i].Label, s.FailedStarts[i].NeverStarted.Error = Hostile, Hostile
	}
	for i := range s.Kills {
		e := &s.Kills[i].Event
		e.Comm, e.OOM.Victim.Comm, e.OOM.Victim.CommandLine, e.OOM.Cgroup = Hostile, Hostile, Hostile, "/"+Hostile
		e.Container.Name, e.OOM.Trigger.Comm = Hostile, Hostile
	}
	for i := range s.VMs {
		s.VMs[i].Name, s.VMs[i].Manager, s.VMs[i].Kind = Hostile, Hostile, fact.VMKind(Hostile)
	}
	s.Namespaces[0].PinnedBy = []string{Hostile}
	return s
}
