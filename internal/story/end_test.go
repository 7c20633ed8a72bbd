package story

import (
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

var end = time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)

var (
	webID = strings.Repeat("a1", 32)
	dbID  = strings.Repeat("a2", 32)
	web   = &event.Container{ID: webID, Name: "web", Runtime: "docker"}
	db    = &event.Container{ID: dbID, Name: "db", Runtime: "docker"}
)

func ended(exit *event.Exit) model.Container {
	return model.Container{
		ID: webID, Label: "web", Named: true, Runtime: "docker", State: model.Exited, InitPID: 100, InitComm: "sh",
		CgroupPath: "/docker/" + webID, Started: end.Add(-time.Minute), Exited: end, Exit: exit, OOMKills: new(uint64(0)),
	}
}

func sender(pid int32, comm string, uid uint32, in *event.Container) *event.Process {
	return &event.Process{PID: pid, Comm: comm, UID: &uid, Container: in}
}

func signalled(signal int32, by *event.Process) *event.Exit {
	return &event.Exit{Code: new(128 + signal), Signal: signal, Cause: event.CauseSignal, By: by}
}

func asked(exit *event.Exit, signal int32, before time.Duration, by *event.Process) *event.Exit {
	exit.EarlierSignal = &event.SentSignal{Signal: signal, Time: end.Add(-before), By: by}
	return exit
}

func exited(code int32) *event.Exit { return &event.Exit{Code: &code, Cause: event.CauseExited} }

func oomKilled() *event.Exit {
	return &event.Exit{Code: new(int32(137)), Signal: 9, Cause: event.CauseOOMKill}
}

func kill(pid int32, cgroup string) *model.Kill {
	const comm = "hog"
	scope := event.ScopeCgroup
	if cgroup == "" {
		scope = event.ScopeSystem
	}
	k := &model.Kill{InitPID: 100, Ordinal: 1, Event: event.Event{
		Time: end, Type: event.OOMKill, PID: pid, Comm: comm, Container: web,
		OOM: &event.OOM{
			Scope: scope, Cgroup: cgroup, Decision: 1,
			Victim:  event.Victim{PID: pid, Comm: comm, AnonBytes: new(uint64(60 * mib)), Container: web, Init: pid == 100},
			Trigger: &event.Process{PID: pid, Comm: comm, Container: web},
		},
	}}
	if cgroup != "" {
		k.Event.OOM.LimitBytes, k.Event.OOM.UsageBytes = new(uint64(64*mib)), new(uint64(63*mib))
	}
	return k
}

// with returns an end with a PID namespace whose PID 1 was first.
func with(exit *event.Exit, first *event.Process) *event.Exit {
	exit.PIDNamespaceEnded = first
	return exit
}

func says(code int32, oomKilled bool) *fact.EngineReport {
	return &fact.EngineReport{ID: webID, ExitCode: &code, OOMKilled: &oomKilled}
}

func TestEnded(t *testing.T) {
	runc := func() *event.Process { return sender(4242, "runc", 0, nil) }
	own := "/docker/" + webID
	tests := []struct {
		name   string
		exit   *event.Exit
		change func(*model.Container)
		want   string
	}{
		{"unseen", nil, nil, "web has ended; how is unknown, since nsviz did not see its PID 1 die."},
		{"well", exited(0), nil, "web ended by itself with exit code 0."},
		{"with an error", exited(3), nil, "web ended by itself with exit code 3."},
		{"of itself, its code unknown", &event.Exit{Cause: event.CauseExited}, nil, "web ended by itself; its exit code is unknown."},
		{
			"a shell whose command was killed", exited(137), nil,
			"web ended by itself with exit code 137. No signal ended its PID 1 (sh, 100): it chose that code itself, as a shell does " +
				"whose last command was ended by SIGKILL.",
		},
		{
			"docker kill", signalled(9, runc()), nil,
			"web was ended by its engine: runc (PID 4242, uid 0) sent SIGKILL without asking before, as `docker kill` and `docker rm --force` do.",
		},
		{
			"docker stop, its second step", asked(signalled(9, sender(4243, "runc", 0, nil)), 15, 10020*time.Millisecond, runc()), nil,
			"web was ended by its engine: runc (PID 4243, uid 0) sent SIGKILL 10.0 s after SIGTERM, which had not ended it: " +
				"that is the second step of `docker stop`.",
		},
		{
			"docker stop of what wants another signal", asked(signalled(9, sender(4243, "runc", 0, nil)), 37, 2*time.Second, runc()), nil,
			"web was ended by its engine: runc (PID 4243, uid 0) sent SIGKILL 2.0 s after signal 37, which had not ended it: " +
				"that is the second step of `docker stop`.",
		},
		{
			"podman kill", signalled(9, sender(7, "crun", 1000, nil)), func(c *model.Container) { c.Runtime = "podman" },
			"web was ended by its engine: crun (PID 7, uid 1000) sent SIGKILL without asking before, as `podman kill` and `podman rm --force` do.",
		},
		{
			"docker stop, its first step", signalled(15, runc()), nil,
			"web was ended by its engine: runc (PID 4242, uid 0) sent SIGTERM, as `docker stop` does first.",
		},
		{
			"docker stop, obeyed", asked(exited(0), 15, 120*time.Millisecond, runc()), nil,
			"web ended by itself with exit code 0. 120 ms before, runc (PID 4242, uid 0) had sent it SIGTERM, as `docker stop` does first.",
		},
		{
			"reloaded yesterday", asked(exited(0), 1, 24*time.Hour, runc()), nil, "web ended by itself with exit code 0.",
		},
		{
			"docker kill, yesterday's reload", asked(signalled(9, runc()), 1, 24*time.Hour, runc()), nil,
			"web was ended by its engine: runc (PID 4242, uid 0) sent SIGKILL without asking before, as `docker kill` and `docker rm --force` do.",
		},
		{
			"docker kill, after somebody else asked", asked(signalled(9, runc()), 15, 3*time.Second, sender(9, "sh", 1000, nil)), nil,
			"web was ended by its engine: runc (PID 4242, uid 0) sent SIGKILL without asking before, as `docker kill` and " +
				"`docker rm --force` do. 3.0 s before, sh (PID 9, uid 1000) had sent it SIGTERM.",
		},
		{
			"systemd-oomd", signalled(9, sender(300, "systemd-oomd", 998, nil)), nil,
			"web was ended by systemd-oomd, which ends whole cgroups when memory is short: systemd-oomd (PID 300, uid 998) sent SIGKILL. " +
				"It was not the kernel's OOM killer.",
		},
		{
			"earlyoom", signalled(9, sender(301, "earlyoom", 0, nil)), nil,
			"web was ended by earlyoom, which kills before memory runs out: earlyoom (PID 301, uid 0) sent SIGKILL. " +
				"It was not the kernel's OOM killer.",
		},
		{
			"the kubelet", signalled(9, sender(302, "kubelet", 0, nil)), nil,
			"web was ended by the kubelet, as it does with pods that it evicts: kubelet (PID 302, uid 0) sent SIGKILL. " +
				"It was not the kernel's OOM killer.",
		},
		{
			"systemd", signalled(15, sender(1, "systemd", 0, nil)), nil,
			"web was ended by systemd, as it does when the unit of a container is stopped: systemd (PID 1, uid 0) sent SIGTERM.",
		},
		{
			"from inside", signalled(9, sender(120, "watchdog", 33, web)), nil,
			"web was ended by a process of its own: watchdog (PID 120, uid 33) sent SIGKILL to its PID 1.",
		},
		{
			"by itself", signalled(6, sender(100, "sh", 33, web)), nil,
			"web ended itself: its PID 1, sh (PID 100, uid 33) sent SIGABRT, to itself.",
		},
		{
			"from another container", signalled(9, sender(121, "sh", 0, db)), nil,
			"web was ended by a process of another container, db: sh (PID 121, uid 0) sent SIGKILL.",
		},
		{
			"from another container, by what calls itself runc", signalled(9, sender(121, "runc", 0, db)), nil,
			"web was ended by a process of another container, db: runc (PID 121, uid 0) sent SIGKILL.",
		},
		{
			"from the host", signalled(9, sender(122, "kill", 1000, nil)), nil,
			"web was ended by a process of the host: kill (PID 122, uid 1000) sent SIGKILL.",
		},
		{
			"from the host, as an older recording has it", signalled(9, &event.Process{PID: 122}), nil,
			"web was ended by a process of the host: a process (PID 122) sent SIGKILL.",
		},
		{
			"with another container's PID namespace", with(signalled(9, nil), sender(90, "sleep", 0, db)), nil,
			"web was ended by SIGKILL: db's PID namespace ended with its first process, sleep (PID 90, uid 0), so the kernel killed everything in it.",
		},
		{
			"with a PID namespace of the host's", with(signalled(9, nil), sender(90, "unshare", 0, nil)), nil,
			"web was ended by SIGKILL: the PID namespace that it was in ended with its first process, unshare (PID 90, uid 0), so the kernel " +
				"killed everything in it.",
		},
		{"by nobody knows whom", signalled(9, nil), nil, "web was ended by SIGKILL; who sent it is unknown."},
		{"a fault", signalled(11, nil), nil, "web was ended by SIGSEGV, which the kernel sends to a program for a fault of its own."},
		{
			"by an unknown signal", &event.Exit{Cause: event.CauseSignal}, nil,
			"web was ended by a signal; which one and by whom is unknown.",
		},
		{
			"out of its own memory", oomKilled(), func(c *model.Container) {
				c.OOMKills, c.OOMKillsAtLeast, c.LatestKill, c.EngineReport = new(uint64(1)), 1, kill(100, own), says(137, true)
			},
			"The kernel's OOM killer ended web: it killed its PID 1, hog (PID 100, 60 MiB). web had reached its 64 MiB limit when hog asked for more. " +
				"At that moment 63.0 of 64 MiB were in use. docker says exit code 137 and OOMKilled=true, which is right.",
		},
		{
			"out of a parent's memory", oomKilled(), func(c *model.Container) {
				c.OOMKills, c.OOMKillsAtLeast, c.LatestKill, c.EngineReport = new(uint64(3)), 3, kill(100, "/docker"), says(137, false)
			},
			"The kernel's OOM killer ended web: it killed its PID 1, hog (PID 100, 60 MiB). The cgroup above web, /docker, had reached its " +
				"64 MiB limit when hog asked for more. At that moment 63.0 of 64 MiB were in use. It had killed 2 other processes in it as well. " +
				"docker says exit code 137 and OOMKilled=false, which is wrong.",
		},
		{
			"out of the host's memory", oomKilled(), func(c *model.Container) {
				c.OOMKills, c.OOMKillsAtLeast, c.LatestKill, c.Memory.Unlimited = new(uint64(1)), 1, kill(100, ""), true
			},
			"The kernel's OOM killer ended web: it killed its PID 1, hog (PID 100, 60 MiB). The host had run out of memory when hog asked " +
				"for more; web has no limit of its own.",
		},
		{
			"out of memory, the kill is not known", oomKilled(), nil,
			"The kernel's OOM killer ended web: it killed its PID 1 (sh, 100). Whose memory had run out is not known.",
		},
		{
			"well, after a child was killed", exited(0), func(c *model.Container) {
				c.OOMKills, c.OOMKillsAtLeast, c.LatestKill, c.EngineReport = new(uint64(1)), 1, kill(120, own), says(0, true)
			},
			"web ended by itself with exit code 0. While it ran, the kernel's OOM killer killed 1 process in it: hog (PID 120, 60 MiB). " +
				"web had reached its 64 MiB limit when hog asked for more. Its exit code shows nothing of that. " +
				"docker says exit code 0 and OOMKilled=true, which is misleading: the kernel did kill in it, but not its PID 1, so that is not what ended it.",
		},
		{
			"killed by hand, after children were killed", signalled(9, runc()), func(c *model.Container) {
				c.OOMKills, c.OOMKillsAtLeast, c.LatestKill = new(uint64(7)), 7, kill(120, own)
			},
			"web was ended by its engine: runc (PID 4242, uid 0) sent SIGKILL without asking before, as `docker kill` and `docker rm --force` do. " +
				"While it ran, the kernel's OOM killer killed 7 processes in it, the latest of them hog (PID 120, 60 MiB). " +
				"web had reached its 64 MiB limit when hog asked for more.",
		},
		{
			"kills that only the kernel counted", exited(0), func(c *model.Container) { c.OOMKills, c.OOMKillsAtLeast = new(uint64(2)), 2 },
			"web ended by itself with exit code 0. While it ran, the kernel's OOM killer killed 2 processes in it, of which nsviz saw none. " +
				"Its exit code shows nothing of that.",
		},
		{
			"it could not fork", exited(2), func(c *model.Container) { c.PIDsRefused, c.Limits.PIDs = new(uint64(1)), new(limit(20)) },
			"web ended by itself with exit code 2. The kernel refused it a new process or thread once, since a limit of processes was reached: its own of 20 processes, or that of a cgroup above or inside it.",
		},
		{
			"it could not fork, and the limit is above", exited(2), func(c *model.Container) {
				c.PIDsRefused, c.Limits.PIDs = new(uint64(3)), &fact.Limit{Unlimited: true}
			},
			"web ended by itself with exit code 2. The kernel refused it a new process or thread 3 times, since a limit of processes was reached.",
		},
		{
			"outside of its cgroup", exited(0), func(c *model.Container) {
				c.PIDsRefused = new(uint64(0))
				c.Unheld = &fact.Unheld{Since: end, Cgroup: "/x", By: &event.Process{PID: 812, Comm: "bash"}}
			},
			"web ended by itself with exit code 0. At its end it had not been held by its memory limit since " + end.UTC().Format("2006-01-02 15:04:05.000 UTC") +
				": PID 1 had been moved to /x by bash (PID 812, of the host).",
		},
		{
			"the engine is right", exited(0), func(c *model.Container) { c.EngineReport = says(0, false) },
			"web ended by itself with exit code 0. docker says exit code 0 and OOMKilled=false, which is right.",
		},
		{
			"the engine tells of a kill that nobody saw", exited(0), func(c *model.Container) { c.EngineReport = says(0, true) },
			"web ended by itself with exit code 0. docker says exit code 0 and OOMKilled=true, but nsviz knows of no OOM kill in it.",
		},
		{
			"the engine has another code", exited(3), func(c *model.Container) { c.EngineReport = says(255, false) },
			"web ended by itself with exit code 3. docker says exit code 255 and OOMKilled=false, which is right. The kernel reports exit code 3.",
		},
		{
			"the engine has removed it", exited(0), func(c *model.Container) { c.EngineReport = &fact.EngineReport{Removed: true} },
			"web ended by itself with exit code 0. docker has removed it and reports nothing about its end.",
		},
		{
			"the engine says nothing", exited(0), func(c *model.Container) { c.EngineReport = &fact.EngineReport{} },
			"web ended by itself with exit code 0.",
		},
		{
			"its start was OOM-killed, by a limit above", &event.Exit{Signal: 9, Cause: event.CauseOOMKill}, func(c *model.Container) {
				c.InitPID, c.InitComm, c.Started, c.NeverRan = 0, "", time.Time{}, true
				c.CgroupPath, c.OOMKills, c.OOMKillsAtLeast, c.LatestKill = "/tiny/"+webID, new(uint64(1)), 1, kill(120, "/tiny")
			},
			"web never ran its program: its start was OOM-killed, limit of /tiny 64 MiB. The kernel killed hog (PID 120, 60 MiB), a process of its " +
				"runtime. The cgroup above web, /tiny, had reached its 64 MiB limit when hog asked for more.",
		},
		{
			"its start was OOM-killed, by its own limit", &event.Exit{Signal: 9, Cause: event.CauseOOMKill}, func(c *model.Container) {
				c.NeverRan, c.OOMKills, c.OOMKillsAtLeast, c.LatestKill = true, new(uint64(2)), 2, kill(120, own)
			},
			"web never ran its program: its start was OOM-killed, its own limit 64 MiB. The kernel killed hog (PID 120, 60 MiB), a process of its " +
				"runtime. web had reached its 64 MiB limit when hog asked for more. It had killed 1 other process in it as well.",
		},
		{
			"its start was OOM-killed, the host being full", &event.Exit{Signal: 9, Cause: event.CauseOOMKill}, func(c *model.Container) {
				c.NeverRan, c.OOMKills, c.OOMKillsAtLeast, c.LatestKill, c.Memory.Unlimited = true, new(uint64(1)), 1, kill(120, ""), true
			},
			"web never ran its program: its start was OOM-killed. The kernel killed hog (PID 120, 60 MiB), a process of its runtime. The host had run " +
				"out of memory when hog asked for more; web has no limit of its own.",
		},
		{
			"nsviz found it and could not read the kernel's count", exited(0), func(c *model.Container) {
				c.OOMKills, c.OOMKillsAtLeast, c.LatestKill = nil, 2, kill(120, "/docker/"+webID)
			},
			"web ended by itself with exit code 0. While it ran, the kernel's OOM killer killed at least 2 processes in it, the latest of them " +
				"hog (PID 120, 60 MiB). web had reached its 64 MiB limit when hog asked for more. Its exit code shows nothing of that.",
		},
		{
			"perhaps the engine means a kill of before", exited(0), func(c *model.Container) { c.OOMKills, c.EngineReport = nil, says(0, true) },
			"web ended by itself with exit code 0. docker says exit code 0 and OOMKilled=true.",
		},
		{
			"nobody saw it end, the engine judges", nil, func(c *model.Container) {
				c.OOMKills, c.OOMKillsAtLeast, c.EngineReport = new(uint64(1)), 1, says(137, true)
			},
			"web has ended; how is unknown, since nsviz did not see its PID 1 die. While it ran, the kernel's OOM killer killed 1 process in it, " +
				"of which nsviz saw none. docker says exit code 137 and OOMKilled=true.",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := ended(test.exit)
			if test.change != nil {
				test.change(&c)
			}
			if got := Container(&c, &model.Snapshot{Time: end}).String(); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestLives(t *testing.T) {
	tests := []struct {
		name   string
		change func(*model.Container)
		want   string
	}{
		{"untouched", func(*model.Container) {}, "web runs. The kernel's OOM killer has killed nothing in it since it started."},
		{
			"starting", func(c *model.Container) { c.State = model.Starting },
			"web is starting. The kernel's OOM killer has killed nothing in it so far.",
		},
		{
			"a child was killed", func(c *model.Container) {
				c.OOMKills, c.OOMKillsAtLeast, c.LatestKill = new(uint64(12)), 12, kill(120, "/docker/"+webID)
			},
			"web runs. The kernel's OOM killer has killed 12 processes in it since it started, the latest of them hog (PID 120, 60 MiB). " +
				"web had reached its 64 MiB limit when hog asked for more.",
		},
		{
			"kills from before nsviz", func(c *model.Container) { c.OOMKills, c.OOMKillsAtLeast = new(uint64(1)), 1 },
			"web runs. The kernel's OOM killer has killed 1 process in it since it started, of which nsviz saw none.",
		},
		{
			"its PID 1 was moved out of its cgroup", func(c *model.Container) {
				c.Unheld = &fact.Unheld{Since: end, Cgroup: "/", By: &event.Process{PID: 812, Comm: "bash"}}
			},
			"web runs. It has not been held by its memory limit since " + end.UTC().Format("2006-01-02 15:04:05.000 UTC") + ": PID 1 was moved to / by bash (PID 812, of the host). " +
				"The kernel's OOM killer has killed nothing in it since it started.",
		},
		{
			"it was found out of its cgroup", func(c *model.Container) { c.Unheld = &fact.Unheld{Cgroup: "/"} },
			"web runs. It is not held by its memory limit: PID 1 is in /, which was so when nsviz looked. " +
				"The kernel's OOM killer has killed nothing in it since it started.",
		},
		{
			"stuck at its limit", func(c *model.Container) {
				c.Stuck, c.Memory.LimitBytes = &fact.Stuck{Since: end, Cgroup: "/docker/" + webID}, new(uint64(24*mib))
			},
			"web runs. It has been stuck at its limit of 24 MiB since " + end.UTC().Format("2006-01-02 15:04:05.000 UTC") + "; the OOM killer is off for it, so its processes wait until " +
				"somebody makes room or raises the limit. The kernel's OOM killer has killed nothing in it since it started.",
		},
		{
			"stuck at the limit above", func(c *model.Container) { c.Stuck = &fact.Stuck{Since: end, Cgroup: "/pod"} },
			"web runs. It has been stuck at the limit of /pod since " + end.UTC().Format("2006-01-02 15:04:05.000 UTC") + "; the OOM killer is off for it, so its processes wait until " +
				"somebody makes room or raises the limit. The kernel's OOM killer has killed nothing in it since it started.",
		},
		{
			"refused processes", func(c *model.Container) { c.PIDsRefused, c.Limits.PIDs = new(uint64(1204)), new(limit(20)) },
			"web runs. The kernel's OOM killer has killed nothing in it since it started. The kernel refused it a new process or thread " +
				"1,204 times, since a limit of processes was reached: its own of 20 processes, or that of a cgroup above or inside it.",
		},
		{
			"refused processes in the run before, which had another limit", func(c *model.Container) {
				c.Limits.PIDs = new(limit(4000))
				c.Previous = &model.End{Time: end, Exit: exited(1), PIDsRefused: new(uint64(2)), PIDsLimit: new(limit(20))}
			},
			"web runs. The kernel's OOM killer has killed nothing in it since it started. Of its run before this one: web ended by itself with exit code 1. " +
				"The kernel refused it a new process or thread 2 times, since a limit of processes was reached: its own of 20 processes, or that of a cgroup above or inside it.",
		},
		{
			"its network was made for another one, which has another since", func(c *model.Container) {
				c.Namespaces[event.Net].Abandoned = &model.Abandoned{By: "vpn", Since: end}
			},
			"web runs. Its network is a dead one: vpn got a new one at " + end.UTC().Format("2006-01-02 15:04:05.000 UTC") + "; restart web. The kernel's OOM killer has killed nothing in it " +
				"since it started.",
		},
		{
			"its network and shared memory were made for others, which have ended", func(c *model.Container) {
				c.Namespaces[event.Net].Abandoned = &model.Abandoned{By: "vpn", Since: end, Ended: true}
				c.Namespaces[event.IPC].Abandoned = &model.Abandoned{By: "db", Ended: true}
			},
			"web runs. Its network is a dead one: vpn, which it was made for, ended at " + end.UTC().Format("2006-01-02 15:04:05.000 UTC") + "; start vpn, then restart web. Its shared memory " +
				"is a dead one: db, which it was made for, has ended; start db, then restart web. The kernel's OOM killer has killed nothing in it since " +
				"it started.",
		},
		{
			"nsviz found it and could not read the kernel's count", func(c *model.Container) { c.OOMKills = nil },
			"web runs. The kernel's OOM killer has killed nothing in it since nsviz found it; what it killed before is unknown.",
		},
		{
			"it was started again", func(c *model.Container) {
				c.Previous = &model.End{Time: end, InitPID: 90, Exit: signalled(9, sender(4242, "runc", 0, nil))}
			},
			"web runs. The kernel's OOM killer has killed nothing in it since it started. Of its run before this one: web was ended by its engine: " +
				"runc (PID 4242, uid 0) sent SIGKILL without asking before, as `docker kill` and `docker rm --force` do.",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := ended(nil)
			c.State, c.Exited = model.Running, time.Time{}
			test.change(&c)
			if got := Container(&c, &model.Snapshot{Time: end}).String(); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestSenderOf(t *testing.T) {
	for comm, want := range map[string]Sender{
		"runc": SenderEngine, "crun": SenderEngine, "containerd-shim": SenderEngine, "dockerd": SenderEngine, "conmon": SenderEngine,
		"docker-containe": SenderEngine, "podman": SenderEngine, "systemd-oomd": SenderSystemdOOMD, "earlyoom": SenderEarlyOOM,
		"kubelet": SenderKubelet, "systemd": SenderSystemd, "kill": SenderHost, "runcible": SenderHost, "": SenderHost,
	} {
		if got := SenderOf(&event.Process{PID: 1, Comm: comm}, webID); got != want {
			t.Errorf("%s of the host is %q, want %q", comm, got, want)
		}
		if got := SenderOf(&event.Process{PID: 1, Comm: comm, Container: web}, webID); got != SenderInside {
			t.Errorf("%s inside is %q", comm, got)
		}
		if got := SenderOf(&event.Process{PID: 1, Comm: comm, Container: db}, webID); got != SenderContainer {
			t.Errorf("%s in another container is %q", comm, got)
		}
	}
	for _, nobody := range []*event.Process{nil, {}} {
		if got := SenderOf(nobody, webID); got != SenderUnknown {
			t.Errorf("nobody is %q", got)
		}
	}
}

// The sentences about a live container are true and read well in any combination.
func TestStatesTogether(t *testing.T) {
	const when = "2026-11-23 20:00:00.000 UTC"
	const why = "the latest of them hog (PID 120, 60 MiB). web had reached its 64 MiB limit when hog asked for more."
	for states := range 1 << 6 {
		has := func(state int) bool { return states&(1<<state) != 0 }
		const starting, unheld, stuck, abandoned, killed, unknown = 0, 1, 2, 3, 4, 5
		c := ended(nil)
		c.Exited, c.State = time.Time{}, model.Running
		want, since := []string{"web runs."}, "since it started"
		if has(starting) {
			c.State = model.Starting
			want, since = []string{"web is starting."}, "so far"
		}
		if has(unheld) {
			c.Unheld = &fact.Unheld{Since: end, Cgroup: "/", By: &event.Process{PID: 812, Comm: "bash"}}
			want = append(want, "It has not been held by its memory limit since "+when+": PID 1 was moved to / by bash (PID 812, of the host).")
		}
		if has(stuck) {
			c.Stuck, c.Memory.LimitBytes = &fact.Stuck{Since: end, Cgroup: "/docker/" + webID}, new(uint64(24*mib))
			who, its := "It has", "its"
			if has(unheld) {
				who, its = "The processes in its own cgroup have", "those"
			}
			want = append(want, who+" been stuck at its limit of 24 MiB since "+when+"; the OOM killer is off for it, so "+its+
				" processes wait until somebody makes room or raises the limit.")
		}
		if has(abandoned) {
			c.Namespaces[event.Net].Abandoned = &model.Abandoned{By: "vpn", Since: end}
			want = append(want, "Its network is a dead one: vpn got a new one at "+when+"; restart web.")
		}
		if has(killed) {
			c.OOMKills, c.OOMKillsAtLeast, c.LatestKill = new(uint64(2)), 2, kill(120, "/docker/"+webID)
		}
		if has(unknown) {
			c.OOMKills = nil
		}
		switch {
		case has(killed) && has(unknown):
			want = append(want, "The kernel's OOM killer has killed at least 2 processes in it "+since+", "+why)
		case has(killed):
			want = append(want, "The kernel's OOM killer has killed 2 processes in it "+since+", "+why)
		case has(unknown):
			want = append(want, "The kernel's OOM killer has killed nothing in it since nsviz found it; what it killed before is unknown.")
		default:
			want = append(want, "The kernel's OOM killer has killed nothing in it "+since+".")
		}
		if got := Container(&c, &model.Snapshot{Time: end}).String(); got != strings.Join(want, " ") {
			t.Errorf("\n got %s\nwant %s", got, strings.Join(want, " "))
		}
		// Of these an ended one has only what mattered to its end, and one that never started none.
		c.State, c.Exited, c.Exit = model.Exited, end, exited(1)
		gone := Container(&c, &model.Snapshot{Time: end}).String()
		if strings.Contains(gone, "stuck") || strings.Contains(gone, "restart") || strings.Contains(gone, "had not been held") != has(unheld) || strings.Contains(gone, "2 processes") != has(killed) {
			t.Error(gone)
		}
		c.State, c.NeverStarted = model.Created, &fact.NeverStarted{}
		if never := Container(&c, &model.Snapshot{Time: end}).String(); never != "web was not started." {
			t.Error(never)
		}
	}
}
