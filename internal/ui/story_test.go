package ui

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

func TestKillStory(t *testing.T) {
	hog, web := ref(hogID, "hog"), ref(webID, "web")
	proc := func(pid int32, comm string, in *event.Container) *event.Process {
		return &event.Process{PID: pid, Comm: comm, Container: in}
	}
	type change = func(k *model.Kill, s *model.Snapshot)
	const (
		killed = "hog: the kernel killed stress-ng-vm (PID 28502, 60.1 MiB). "
		lives  = " 12th kill; hog lives on, because its PID 1 (stress-ng, 28473) was not the victim."
	)
	for _, tt := range []struct {
		name   string
		change change
		want   string
	}{
		{"the victim itself asked", func(k *model.Kill, s *model.Snapshot) {},
			killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more." + lives},
		{"another process of the container asked", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Trigger = proc(28473, "stress-ng", hog)
		}, killed + "hog had reached its 64 MiB limit when another process, stress-ng (PID 28473), asked for more." + lives},
		{"another process of the same name asked", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Trigger = proc(28503, "stress-ng-vm", hog)
		}, killed + "hog had reached its 64 MiB limit when another process, stress-ng-vm (PID 28503), asked for more." + lives},
		{"a process whose name is unknown asked", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Trigger = proc(28503, "", nil)
		}, killed + "hog had reached its 64 MiB limit when another process (PID 28503) asked for more." + lives},
		{"who asked is unknown", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Trigger = nil
		}, killed + "hog had reached its 64 MiB limit." + lives},
		{"a parent's limit, another container asked", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Cgroup, k.Event.OOM.LimitBytes = "/docker", mibs(100)
			k.Event.OOM.Trigger = proc(27311, "nginx", web)
		}, killed + "The cgroup above hog, /docker, had reached its 100 MiB limit when another process, nginx (PID 27311, in web), asked for more." + lives},
		{"the root of all limits", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Cgroup, k.Event.OOM.LimitBytes = "/", nil
		}, killed + "The cgroup above hog, /, had reached its limit when stress-ng-vm asked for more." + lives},
		{"a limit inside the container", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Cgroup, k.Event.OOM.LimitBytes = "/docker/"+hogID+"/inner", mibs(32)
		}, killed + "A cgroup inside hog, /docker/28473c53aa01…/inner, had reached its 32 MiB limit when stress-ng-vm asked for more." + lives},
		{"a cgroup somewhere else", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Cgroup = "/else"
		}, killed + "The cgroup /else had reached its 64 MiB limit when stress-ng-vm asked for more." + lives},
		{"a limit of unknown size", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.LimitBytes = nil
		}, killed + "hog had reached its limit when stress-ng-vm asked for more." + lives},
		{"a limit of unknown place", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Cgroup = ""
		}, killed + "A cgroup that it belonged to (which one is unknown) had reached its 64 MiB limit when stress-ng-vm asked for more." + lives},
		{"the container is forgotten, its id is in the path", func(k *model.Kill, s *model.Snapshot) {
			s.Containers = nil
		}, killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more." + lives},
		{"the host ran out, hog has a limit", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Scope, k.Event.OOM.Cgroup, k.Event.OOM.LimitBytes = event.ScopeSystem, "", nil
			k.Event.OOM.Trigger = proc(812, "mysqld", nil)
		}, killed + "The host had run out of memory when another process, mysqld (PID 812), asked for more; hog was below its own 64 MiB limit." + lives},
		{"the host ran out, hog has no limit", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Scope = event.ScopeSystem
			s.Containers[3].Memory = model.Memory{Unlimited: true}
		}, killed + "The host had run out of memory when stress-ng-vm asked for more; hog has no limit of its own." + lives},
		{"the host ran out, hog is forgotten", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Scope, k.Event.OOM.Trigger, s.Containers = event.ScopeSystem, nil, nil
		}, killed + "The host had run out of memory; hog was below its own limit." + lives},
		{"a cpuset", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Scope = event.ScopeCpuset
		}, killed + "The memory nodes that its cpuset allows were full when stress-ng-vm asked for more." + lives},
		{"a memory policy", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Scope = event.ScopeMempolicy
		}, killed + "The memory nodes that its memory policy allows were full when stress-ng-vm asked for more." + lives},
		{"an unknown reason", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Scope = ""
		}, killed + "It happened when stress-ng-vm asked for more; whose memory had run out is unknown." + lives},
		{"PID 1 was the victim", func(k *model.Kill, s *model.Snapshot) {
			k.Survived, k.Ordinal, k.Event.OOM.Victim.Init = ptr(false), 1, true
		}, killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more. 1st kill; hog ends with it, because the victim was its PID 1."},
		{"PID 1 is unknown, the container runs", func(k *model.Kill, s *model.Snapshot) {
			k.Survived = nil
		}, killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more. 12th kill; hog lives on."},
		{"PID 1 is unknown, the container is forgotten", func(k *model.Kill, s *model.Snapshot) {
			k.Survived, s.Containers = nil, nil
		}, killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more. 12th kill; hog may have ended with it: its PID 1 is unknown."},
		{"while it started", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Victim.Starting, k.Survived, k.Ordinal, s.Containers[3].State = true, nil, 1, model.Starting
		}, killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more. 1st kill; the victim was a process of its runtime, which was " +
			"starting it; its own program did not run yet."},
		{"while it started, and it never did", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Victim.Starting, k.Survived, k.Ordinal, s.Containers[3].State, s.Containers[3].NeverRan = true, nil, 1, model.Exited, true
		}, killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more. 1st kill; hog never ran its program: the victim was a process " +
			"of its runtime, which was starting it."},
		{"it lived on, and ended later", func(k *model.Kill, s *model.Snapshot) {
			s.Containers[3].State, k.InitComm = model.Exited, ""
		}, killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more. 12th kill; hog lived on then, because its PID 1 (28473) was not the victim."},
		{"the number of the kill is unknown", func(k *model.Kill, s *model.Snapshot) {
			k.Ordinal, k.InitPID, k.InitComm = 0, 0, ""
		}, killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more. hog lives on, because its PID 1 was not the victim."},
		{"one of a group", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Decision = 99
			for i := range 3 {
				o := *s.Kills[i].Event.OOM
				o.Decision = 99
				s.Kills[i].Event.OOM = &o
			}
		}, killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more." + lives +
			" It is one of 3 processes that this decision ended together (memory.oom.group)."},
		{"the victim's size is unknown", func(k *model.Kill, s *model.Snapshot) {
			v := &k.Event.OOM.Victim
			v.AnonBytes, v.ShmemBytes = nil, nil
		}, "hog: the kernel killed stress-ng-vm (PID 28502). hog had reached its 64 MiB limit when stress-ng-vm asked for more." + lives},
		{"threads are called otherwise", func(k *model.Kill, s *model.Snapshot) {
			k.Event.Comm, k.Event.OOM.Victim.Comm, k.Event.OOM.Victim.ProcessComm = "pool-1-thread-7", "pool-1-thread-7", "java"
			k.Event.OOM.Trigger = &event.Process{PID: 28600, Comm: "GC Thread#0", ProcessComm: "java", Container: hog}
		}, "hog: the kernel killed java (thread pool-1-thread-7, PID 28502, 60.1 MiB). hog had reached its 64 MiB limit when another process, java " +
			"(thread GC Thread#0, PID 28600), asked for more." + lives},
		{"as an older recording has it", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Victim.ProcessComm, k.Event.OOM.Victim.CommandLine, k.Event.OOM.Trigger.ProcessComm, k.Event.OOM.Memory = "", "", "", nil
		}, killed + "hog had reached its 64 MiB limit when stress-ng-vm asked for more." + lives},
		{"the memory is files of tmpfs", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Victim.AnonBytes, k.Event.OOM.Memory = mibs(1), &event.Memory{AnonBytes: mibs(1.5), FileBytes: mibs(0), ShmemBytes: mibs(61), KernelBytes: mibs(1)}
		}, "hog: the kernel killed stress-ng-vm (PID 28502, 1 MiB). hog had reached its 64 MiB limit when stress-ng-vm asked for more. 61.0 of 64 MiB were " +
			"files in memory (tmpfs, shared memory)." + lives},
		{"it is shared memory that the victim has mapped, too", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Victim.AnonBytes, k.Event.OOM.Victim.ShmemBytes = mibs(1), mibs(50)
			k.Event.OOM.Memory = &event.Memory{ShmemBytes: mibs(61)}
		}, "hog: the kernel killed stress-ng-vm (PID 28502, 51 MiB). hog had reached its 64 MiB limit when stress-ng-vm asked for more. 61.0 of 64 MiB were " +
			"files in memory (tmpfs, shared memory)." + lives},
		{"it is the kernel's", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Victim.AnonBytes, k.Event.OOM.Memory = mibs(1), &event.Memory{AnonBytes: mibs(9), KernelBytes: mibs(40), SockBytes: mibs(10)}
		}, "hog: the kernel killed stress-ng-vm (PID 28502, 1 MiB). hog had reached its 64 MiB limit when stress-ng-vm asked for more. 50.0 of 64 MiB were " +
			"kernel memory (slabs, page tables, sockets)." + lives},
		{"it is that of a crowd", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Victim.AnonBytes, k.Event.OOM.Memory = mibs(2), &event.Memory{AnonBytes: mibs(58), FileBytes: mibs(1)}
		}, "hog: the kernel killed stress-ng-vm (PID 28502, 2 MiB). hog had reached its 64 MiB limit when stress-ng-vm asked for more. 58.0 of 64 MiB were " +
			"memory of its processes (heaps, stacks)." + lives},
		{"it is nothing in particular", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Victim.AnonBytes, k.Event.OOM.Memory = mibs(1), &event.Memory{AnonBytes: mibs(20), FileBytes: mibs(20), ShmemBytes: mibs(20), KernelBytes: mibs(4)}
		}, "hog: the kernel killed stress-ng-vm (PID 28502, 1 MiB). hog had reached its 64 MiB limit when stress-ng-vm asked for more." + lives},
		{"the host's memory is files of tmpfs", func(k *model.Kill, s *model.Snapshot) {
			k.Event.OOM.Scope, k.Event.OOM.Cgroup, k.Event.OOM.LimitBytes, k.Event.OOM.UsageBytes = event.ScopeSystem, "", nil, nil
			k.Event.OOM.Memory = &event.Memory{AnonBytes: mibs(2048), FileBytes: mibs(100), ShmemBytes: mibs(21 * 1024), KernelBytes: mibs(500)}
		}, killed + "The host had run out of memory when stress-ng-vm asked for more; hog was below its own 64 MiB limit. 21 GiB were files in memory (tmpfs, " +
			"shared memory)." + lives},
		{"the victim's name is unknown", func(k *model.Kill, s *model.Snapshot) {
			k.Event.Comm, k.Event.OOM.Victim.Comm, k.Event.OOM.Victim.ProcessComm, k.Event.OOM.Trigger = "", "", "", nil
		}, "hog: the kernel killed a process (PID 28502, 60.1 MiB). hog had reached its 64 MiB limit." + lives},
		{"a process of the host", func(k *model.Kill, s *model.Snapshot) {
			k.Event.Container, k.Event.OOM.Victim.Container, k.Survived, k.Ordinal = nil, nil, nil, 0
			k.Event.OOM.Scope, k.Event.OOM.Victim.Comm, k.Event.OOM.Victim.ProcessComm = event.ScopeSystem, "mysqld", "mysqld"
			k.Event.OOM.Trigger = proc(27311, "nginx", web)
		}, "The kernel killed mysqld (PID 28502, 60.1 MiB), a process of the host. " +
			"The host had run out of memory when another process, nginx (PID 27311, in web), asked for more."},
		{"a service of the host at its limit", func(k *model.Kill, s *model.Snapshot) {
			k.Event.Container, k.Event.OOM.Victim.Container, k.Survived, k.Ordinal = nil, nil, nil, 0
			k.Event.OOM.Cgroup = "/system.slice/db.service"
		}, "The kernel killed stress-ng-vm (PID 28502, 60.1 MiB), a process of the host. " +
			"The cgroup /system.slice/db.service had reached its 64 MiB limit when stress-ng-vm asked for more."},
		{"nothing is known", func(k *model.Kill, s *model.Snapshot) {
			*k = model.Kill{Event: event.Event{Type: event.OOMKill, OOM: &event.OOM{}}}
		}, "The kernel killed a process of the host. Whose memory had run out is unknown."},
		{"not even that", func(k *model.Kill, s *model.Snapshot) {
			*k = model.Kill{}
		}, "An OOM kill; nothing else is known about it."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := scene()
			k := hogKill(12, sceneTime)
			tt.change(&k, s)
			if got := storyLine(story.Kill(&k, s), s.Time).String(); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}
