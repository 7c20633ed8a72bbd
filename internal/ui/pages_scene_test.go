package ui

import (
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// hogDissection is what nsviz reads about the container of the scenes that is killed again and again.
func hogDissection() *report.Dissection {
	return &report.Dissection{
		Sees: []report.Line{
			{Subject: "host name", Words: "28473c53aa01"}, {Subject: "users", Words: "the host's: root inside is root outside"},
			{Subject: "network", Words: "lo 127.0.0.1/8"}, {Words: "eth0 172.17.0.2/16"}, {Subject: "ports", Words: "0.0.0.0:8080/tcp to 80"},
		},
		MayUse: []report.Line{
			{Subject: "limits", Words: "at most 64 MiB so far, limit 64 MiB, no swap allowed"}, {Words: "of it 61.2 MiB anonymous, 0.3 MiB of files, 2.4 MiB of the kernel"},
			{Subject: "cpu", Words: "38.2 s used, quota 0.5 cores, shares 1024, throttled in 61 % of the periods for 21.4 s"}, {Subject: "pids", Words: "no limit"},
			{Subject: "pressure", Words: "waiting in the last 10 s: memory 38 % (all tasks 12 %), cpu 4 %, io 0 %"},
		},
		MadeOf: []report.Line{
			{Subject: "root", Words: "overlay, writable, over 3 read-only layers"}, {Subject: "written", Words: "12 KiB in 4 files since it was made"},
			{Subject: "mounts", Words: "/etc/hosts: made by the engine, writable"}, {Words: "/var/run/docker.sock: bind mount from /var/run/docker.sock, writable"},
			{Words: "and 14 views of the kernel, or masks over them"},
		},
		MayDo: []report.Line{
			{Subject: "user", Words: "uid 0, as the host counts"}, {Subject: "bounding", Words: "chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service"},
			{Subject: "seccomp", Words: "1 filter"}, {Subject: "no_new_privs", Words: "off: setuid programs work"},
		},
		Processes: []report.TreeProcess{
			{PID: 28473, Inside: []int32{1}, Comm: "stress-ng"}, {Depth: 1, PID: 28490, Inside: []int32{7}, Comm: "stress-ng-vm"},
			{Depth: 2, PID: 28502, Inside: []int32{12}, Comm: "stress-ng-vm"}, {PID: 29011, Inside: []int32{40}, UID: 1000, Comm: "sh"},
		},
		Holes: []report.Hole{
			{Severity: "critical", Serious: true, Title: "The socket of a container engine is mounted in", Details: []string{"/var/run/docker.sock at /var/run/docker.sock"},
				Meaning: "Whoever may connect to it commands the engine.", Close: "do not mount it"},
			{Severity: "medium", Serious: true, Title: "Root inside is root outside", Meaning: "Whatever gets past the other walls is root on the host.", Close: "give it a user namespace"},
			{Severity: "info", Title: "Its root file system can be written to"},
		},
		Sound:   []string{"seccomp filters its system calls", "memory is limited"},
		Unknown: []string{"its security profile: permission denied"},
	}
}

// withInspection returns a state in which a container was read a second ago.
func withInspection(v State, id string, initPID int32, d *report.Dissection) State {
	v.Inspects = true
	v.Inspections = []Inspection{{ID: id, InitPID: initPID, Time: sceneTime.Add(-time.Second), Dissection: d}}
	return v
}

// hogPage is the page of that container.
func hogPage(s *model.Snapshot) State {
	return withInspection(press(on(Containers, hogID), s, Key{Name: KeyEnter}), hogID, 28473, hogDissection())
}

// sceneNearLimit has a container that will soon reach its limit.
func sceneNearLimit() *model.Snapshot {
	s := scene()
	agent := &s.Containers[0]
	agent.Memory.WorkingSetBytes = mibs(20.2)
	agent.Forecast = &model.Forecast{
		Room: fact.MemoryRoom{Cgroup: agent.CgroupPath, LimitBytes: 32 * mib, WorkingSetBytes: *mibs(20.2)}, In: 41 * time.Second, BytesPerSecond: 0.3 * mib,
	}
	agent.NextVictim = &fact.NextVictim{PID: 27809, Comm: "indexer", Cgroup: agent.CgroupPath, ScorePages: 5120, OOMScoreAdj: 300}
	points := make([]model.Point, model.HistoryLength)
	for i := range points {
		points[i] = model.Point{MaxBytes: uint64(8+0.3*float64(i)) * mib, Known: true}
	}
	agent.Memory.History = model.SeriesOf(points...)
	return s
}

// sceneKilled has a container whose PID 1 was OOM-killed a moment ago.
func sceneKilled() *model.Snapshot {
	s := scene()
	hog := &s.Containers[3]
	kill := &s.Kills[11]
	kill.Survived, kill.Event.OOM.Victim.Init, kill.Event.OOM.Victim.PID = ptr(false), true, hog.InitPID
	hog.State, hog.Exited, hog.Exit = model.Exited, sceneTime.Add(-time.Second), &event.Exit{Code: ptr(int32(137)), Signal: 9, Cause: event.CauseOOMKill}
	hog.LatestKill, hog.Processes = kill, nil
	hog.History = append(hog.History, model.Entry{Time: hog.Exited, Kind: model.EntryKind(event.ContainerExited), Exit: hog.Exit})
	return s
}

// sceneSandbox has a program in a sandbox without a cgroup of its own, and a service.
func sceneSandbox() *model.Snapshot {
	s := scene()
	sandbox := model.Container{
		ID: "mnt:4026534000", Label: "browser", Named: true, Kind: event.KindSandbox, Runtime: "bwrap", State: model.Running, InitPID: 31000, InitComm: "browser",
		Created: sceneTime.Add(-time.Hour), Started: sceneTime.Add(-time.Hour), Namespaces: memberships("oohohohh", 4026534000), SharedCgroup: "/user.slice/session-2.scope",
	}
	service := model.Container{
		ID: "/system.slice/cache.service", Label: "cache.service", Named: true, Kind: event.KindService, Runtime: "systemd", State: model.Running, InitPID: 812, InitComm: "cached",
		CgroupPath: "/system.slice/cache.service", Created: sceneTime.Add(-time.Hour), Started: sceneTime.Add(-time.Hour), Namespaces: memberships("ohhhhhhh", 4026534100),
		Memory: model.Memory{UsageBytes: mibs(40), WorkingSetBytes: mibs(12), Unlimited: true, History: flat(40)}, Processes: ptr(2), OOMKills: ptr(uint64(0)),
	}
	s.Quiet = append(s.Quiet, sandbox, service)
	return s
}

// sceneHostileDissection has text from outside in every place.
func sceneHostileDissection() *report.Dissection {
	const bad = "\x1b[2J\u202e核心\n"
	lines := []report.Line{{Subject: bad, Words: strings.Repeat(bad, 9)}, {Words: bad}}
	return &report.Dissection{
		Sees: lines, MayUse: lines, MadeOf: lines, MayDo: lines, Processes: []report.TreeProcess{{Depth: 4000, PID: 1 << 30, Inside: []int32{1 << 30, 1 << 30, 1}, UID: 1<<32 - 1, Comm: bad}},
		MoreProcesses: 4000, Holes: []report.Hole{{Severity: bad, Serious: true, Title: bad, Details: []string{bad, bad}, Meaning: bad, Close: bad}}, Sound: []string{bad}, Unknown: []string{bad},
	}
}

// awaiting returns a state in which nsviz has begun to read.
func awaiting(v State) State {
	v.Inspects = true
	return v
}

// unreadable returns a state in which the only reading failed.
func unreadable(v State) State {
	v.Inspections = []Inspection{{ID: hogID, InitPID: 28473, Time: sceneTime, Problem: "open /proc/28473/ns/mnt: permission denied"}}
	return v
}

// replayed returns the state on a recording.
func replayed(v State) State {
	v.Replay, v.Inspects, v.Inspections = true, false, nil
	return v
}

func quiet() State { return State{Quiet: true} }
