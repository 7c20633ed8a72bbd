package event

import "time"

const (
	webID   = "7edab7c9fba3551ba3000ecec1fd875fb2a47b538547468c323947466faa47f1"
	innerID = "b5421155197649592fd8b3b96b5aa3593c595be1c11efb231c2614c9aa30b044"
)

// samples has one event of every type, in the order of Types, with every existing field among them.
func samples() []Event {
	at := time.Date(2026, 11, 23, 20, 16, 44, 897483902, time.UTC)
	after := func(d time.Duration) time.Time { return at.Add(d) }
	web := &Container{ID: webID, Name: "web", Image: "nginx:1.29", Runtime: "docker"}
	builder := &Container{
		ID: innerID, Runtime: "docker",
		Parent: &Container{ID: webID, Name: "builder", Image: "docker:29-dind", Runtime: "docker"},
	}
	return []Event{
		{
			Time: at, Type: NamespaceCreated, PID: 2250, Comm: "runc:[1:CHILD]", UID: new(uint32(0)), Container: web,
			Namespace: &Namespace{Type: PID, ID: 4026532183, Owner: 4026531837, Parent: 4026531836, Via: ViaUnshare, TookMS: new(0.612033)},
		},
		{
			Time: after(53725 * time.Microsecond), Type: NamespaceJoined, PID: 812, Comm: "nsenter", UID: new(uint32(1000)),
			Namespace: &Namespace{Type: Net, ID: 4026532184, Owner: 4026531837, Via: ViaSetns, TookMS: new(0.018111), Of: web},
		},
		{
			Time: after(2 * time.Second), Type: NamespaceFreed,
			Namespace: &Namespace{Type: PID, ID: 4026532183, Owner: 4026531837, Parent: 4026531836, Via: ViaKernel},
		},
		{
			Time: after(2 * time.Second), Type: CgroupCreated, PID: 2241, Comm: "runc", UID: new(uint32(0)),
			Cgroup: &Cgroup{Path: "/docker/" + webID, ID: 28019, Container: web},
		},
		{
			Time: after(3 * time.Second), Type: CgroupRemoved, PID: 2286, Comm: "runc", UID: new(uint32(0)),
			Cgroup: &Cgroup{Path: "/docker/" + webID, ID: 28019, Container: web},
		},
		{
			Time: after(4 * time.Second), Type: ContainerStarted, PID: 2251, Comm: "nginx", Container: builder,
			Start: &Start{
				DurationMS: new(163.855314),
				Phases: []Phase{
					{Name: "create", AtMS: -153.072118},
					{Name: "cgroup"},
					{Name: "entered", AtMS: 0.511204},
					{Name: "namespaces", AtMS: 1.656162},
					{Name: "namespace_pid", AtMS: 1.656162, TookMS: new(0.612033)},
					{Name: "clone", AtMS: 1.951077},
					{Name: "mounts", AtMS: 14.250312},
					{Name: "mounts_last", AtMS: 39.003871, Count: new(uint32(31))},
					{Name: "pivot_root", AtMS: 151.733012},
					{Name: "exec", AtMS: 163.855314},
				},
				Namespaces: NamespaceIDs{
					4026532180, 4026532183, 4026532184, 4026532182, 4026532181, 4026531837, 4026531835, 4026531834,
				},
			},
		},
		{
			Time: after(4200 * time.Millisecond), Type: ContainerEntered, PID: 2380, Comm: "sh", UID: new(uint32(1000)), Container: web,
			Entered: &Entered{
				Container: web, CommandLine: "sh -c tail -f /var/log/nginx/access.log", CommandLineCut: true,
				Namespaces: NamespaceIDs{Mnt: 4026532180, PID: 4026532183, Net: 4026532184},
				By:         &Process{PID: 2371, Comm: "runc", UID: new(uint32(0))},
			},
		},
		{
			Time: after(4500 * time.Millisecond), Type: InitMoved, PID: 2400, Comm: "bash",
			Moved: &Moved{PID: 2251, Container: web, Home: "/docker/" + webID, To: "/"},
		},
		{
			Time: after(5 * time.Second), Type: ContainerExited, PID: 2251, Comm: "nginx", Container: web,
			Exit: &Exit{
				Code: new(int32(143)), Signal: 15, Cause: CauseSignal,
				By: &Process{PID: 2312, Comm: "sh", UID: new(uint32(1000)), Container: builder},
				EarlierSignal: &SentSignal{
					Signal: 1, Time: after(4500 * time.Millisecond), By: &Process{PID: 2290, Comm: "runc", UID: new(uint32(0))},
				},
				PIDsRefused: new(uint64(3)),
			},
		},
		{
			Time: after(6 * time.Second), Type: OOMKill, PID: 2251, Comm: "nginx-aio", Container: web,
			OOM: &OOM{
				ID:    KillID("f7dc4132-3f23-4a1a-8bd1-6bb8b9a4a2b0", 4645794903592, 2253),
				Scope: ScopeCgroup, Cgroup: "/docker/" + webID,
				LimitBytes: new(uint64(33554432)), UsageBytes: new(uint64(33550336)), Decision: 4645794903592, Group: true,
				Victim: Victim{
					PID: 2251, TID: 2253, Comm: "nginx-aio", ProcessComm: "nginx",
					CommandLine: "nginx: worker process, with a title that is long", CommandLineCut: true,
					AnonBytes: new(uint64(32641024)), FileBytes: new(uint64(4096)), ShmemBytes: new(uint64(0)),
					PgtablesBytes: new(uint64(106496)), OOMScoreAdj: new(int32(-500)), UID: new(uint32(101)), Cgroup: "/docker/" + webID,
					Namespaces: NamespaceIDs{4026532180, 4026532183, 4026532184, 4026532182, 4026532181, 4026531837, 4026531835, 4026531834},
					Container:  web, Init: true,
				},
				Trigger: &Process{PID: 2330, Comm: "php-fpm", ProcessComm: "php-fpm", Container: web},
				Memory: &Memory{
					AnonBytes: new(uint64(30412800)), FileBytes: new(uint64(8192)), ShmemBytes: new(uint64(1048576)),
					KernelBytes: new(uint64(2072576)), SockBytes: new(uint64(8192)), AfterMS: 0.412,
				},
			},
		},
		{
			Time: after(7 * time.Second), Type: EventsLost, Lost: &Lost{Count: 128, Reason: "ring full"},
		},
	}
}

// more returns events with the fields that cannot be set beside those of samples.
func more() []Event {
	at := time.Date(2026, 11, 23, 20, 16, 46, 39020285, time.UTC)
	return []Event{
		{
			Time: at, Type: NamespaceCreated, PID: 2331, Comm: "nsviz", Self: true,
			Namespace: &Namespace{Type: UTS, ID: 4026532179, Owner: 4026531837, Via: ViaClone, ChildPID: 2340},
		},
		{
			Time: at, Type: NamespaceJoined, PID: 2775, Comm: "dockerd", UID: new(uint32(0)),
			Namespace: &Namespace{Type: Net, ID: 4026531840, Owner: 4026531837, Via: ViaSetns, Host: true},
		},
		{
			Time: at, Type: NamespaceJoined, PID: 2775, Comm: "dockerd", UID: new(uint32(0)),
			Namespace: &Namespace{Type: Net, ID: 4026532184, Owner: 4026531837, Via: ViaSetns, Of: &Container{ID: webID, Name: "web"}, Starting: true},
		},
		{
			Time: at, Type: NamespaceJoined, PID: 812, Comm: "ip", UID: new(uint32(0)),
			Namespace: &Namespace{Type: Net, ID: 4026532330, Owner: 4026531837, Via: ViaSetns, Name: "blue"},
		},
		{
			Time: at, Type: CgroupCreated,
			Cgroup: &Cgroup{Path: "/kubepods", ID: 2217, Via: ViaReconcile},
		},
		{
			Time: at, Type: EventsLost,
			Lost: &Lost{Count: 40211, Reason: "throttled", UID: new(uint32(1000)), Cgroup: "/user.slice/user-1000.slice/session-2.scope"},
		},
		{
			Time: at, Type: OOMKill, PID: 2251, Comm: "nginx", ContainerUnknown: true,
			OOM: &OOM{
				Victim:  Victim{PID: 2251, Comm: "nginx", ContainerUnknown: true},
				Trigger: &Process{PID: 2330, Comm: "php-fpm", ContainerUnknown: true},
			},
		},
		{
			Time: at, Type: InitMoved, PID: 2401, Comm: "bash",
			Moved: &Moved{PID: 2251, Container: &Container{ID: webID}, Home: "/docker/" + webID, To: "/docker/" + webID, Held: true},
		},
		{
			Time: at.Add(500 * time.Millisecond), Type: OOMKill, PID: 2370, Comm: "runc:[2:INIT]",
			Container: &Container{ID: innerID, Name: "tiny", Image: "busybox", Runtime: "docker"},
			OOM: &OOM{
				Scope: ScopeCgroup, Cgroup: "/tiny", LimitBytes: new(uint64(3145728)), UsageBytes: new(uint64(3145728)),
				Victim: Victim{
					PID: 2370, TID: 2370, Comm: "runc:[2:INIT]", Cgroup: "/tiny/" + innerID, Starting: true,
					Container: &Container{ID: innerID, Name: "tiny", Image: "busybox", Runtime: "docker"},
				},
			},
		},
		{
			Time: at.Add(time.Second), Type: ContainerExited, PID: 2360, Comm: "httpd",
			Container: &Container{
				ID: innerID, Name: "sidecar", Kind: KindContainer, Image: "busybox", Runtime: "containerd",
				Group:  &Group{Kind: GroupPod, Name: "cart-7d9f", Namespace: "shop", Member: "sidecar"},
				Labels: map[string]string{"tier": "front"},
			},
			Exit: &Exit{
				Code: new(int32(137)), Signal: 9, Cause: CauseSignal,
				PIDNamespaceEnded: &Process{
					PID: 2251, Comm: "nginx", UID: new(uint32(0)), Container: &Container{ID: webID, Name: "web", Image: "nginx:1.29", Runtime: "docker"},
				},
			},
		},
	}
}
