package probes

import (
	"errors"
	"math"
	"os"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/event"
)

// bootTime is the wall-clock time at boot in these tests.
var bootTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func fixedClock(bootNS uint64) time.Time { return bootTime.Add(time.Duration(bootNS)) }

func testDecoder() *decoder {
	d := newDecoder()
	d.pageSize = 4096
	d.batch(fixedClock)
	return d
}

// rawComm writes a comm as the kernel does.
func rawComm(s string) (raw [16]int8) {
	for i := range len(s) {
		raw[i] = int8(s[i])
	}
	return raw
}

// header is that of an event 1.5 s after boot; its size is filled in by record.
func header(kind gen.NsvizEventKind) gen.NsvizEventHeader {
	return gen.NsvizEventHeader{
		Version: uint16(gen.NsvizEventVersionEVENT_VERSION), Kind: uint16(kind), BootNs: 1_500_000_000, CgroupId: 77,
		Pid: 4242, Tid: 4243, Comm: rawComm("runc:[1:CHILD]"),
	}
}

// record returns what the kernel would put into the ring: the bytes of w without the last cut ones, padded to a
// multiple of eight.
func record[T any](w T, cut int) []byte {
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&w)), unsafe.Sizeof(w))
	h := (*gen.NsvizEventHeader)(unsafe.Pointer(&w))
	h.Size = uint32(len(bytes) - cut)
	return append([]byte(nil), bytes[:(len(bytes)-cut+7)/8*8]...)
}

func namespacesRecord(edit func(*gen.NsvizNamespacesEvent)) []byte {
	w := gen.NsvizNamespacesEvent{
		Header:  header(gen.NsvizEventKindEVENT_NAMESPACES),
		Via:     uint32(gen.NsvizNamespaceViaVIA_CLONE),
		Changed: 1<<event.PID | 1<<event.User, ChildPid: 4300,
		Uid:   1000,
		Id:    [8]uint32{10, 11, 12, 13, 14, 15, 16, 17},
		Owner: [8]uint32{1: 21, 5: 25}, Parent: [8]uint32{1: 31, 5: 25},
	}
	edit(&w)
	return record(w, 0)
}

func cgroupRecord(path string, edit func(*gen.NsvizCgroupEvent)) []byte {
	w := gen.NsvizCgroupEvent{Header: header(gen.NsvizEventKindEVENT_CGROUP), Id: 900, Uid: 1000, PathLen: uint32(len(path)) + 1}
	for i := range len(path) {
		w.Path[i] = int8(path[i])
	}
	edit(&w)
	return record(w, len(w.Path)-len(path)-1)
}

func exitRecord(edit func(*gen.NsvizExitEvent)) []byte {
	w := gen.NsvizExitEvent{Header: header(gen.NsvizEventKindEVENT_EXIT), StatusKnown: 1}
	edit(&w)
	return record(w, 0)
}

func sent(signal, pid uint32) gen.NsvizSentSignal {
	return gen.NsvizSentSignal{
		BootNs: 1_400_000_000, CgroupId: 66, Pid: pid, Signal: signal, Uid: 1000, Comm: rawComm("dockerd"),
	}
}

func wantSent(signal, pid int32) *event.SentSignal {
	return &event.SentSignal{
		Signal: signal, Time: fixedClock(1_400_000_000),
		By: &event.Process{PID: pid, Comm: "dockerd", UID: new(uint32(1000)), CgroupID: 66},
	}
}

func oomRecord(edit func(*gen.NsvizOomEvent)) []byte {
	w := gen.NsvizOomEvent{
		Header: header(gen.NsvizEventKindEVENT_OOM_KILL), Decision: 99, VictimCgroupId: 901, DomainCgroupId: 902,
		LimitPages: 16384, UsagePages: 16380, AnonPages: 16000, FilePages: 3, ShmemPages: 1, PgtablesBytes: 172032,
		VictimPid: 5000, VictimTid: 5001, VictimUid: 1000, VictimOomScoreAdj: -998,
		Scope: uint32(gen.NsvizOomScopeOOM_SCOPE_CGROUP), SizesKnown: 1, VictimComm: rawComm("stress-ng-vm"),
		VictimProcessComm: rawComm("stress-ng"), TriggerProcessComm: rawComm("runc"),
	}
	called(&w, "stress-ng\x00--vm\x001\x00", 0)
	edit(&w)
	return record(w, len(w.CommandLine)-min(int(w.CommandLineLen), len(w.CommandLine)))
}

// called gives a victim a command line with that many more bytes that are not sent.
func called(w *gen.NsvizOomEvent, arguments string, more int) {
	w.CommandLineLen, w.ArgumentsLen = uint16(len(arguments)), uint32(len(arguments)+more)
	for i := range len(arguments) {
		w.CommandLine[i] = int8(arguments[i])
	}
}

func movedRecord(edit func(*gen.NsvizInitMovedEvent)) []byte {
	w := gen.NsvizInitMovedEvent{Header: header(gen.NsvizEventKindEVENT_INIT_MOVED), Home: 901, To: 1, Init: 5000}
	edit(&w)
	return record(w, 0)
}

func enteredRecord(edit func(*gen.NsvizEnteredEvent)) []byte {
	w := gen.NsvizEnteredEvent{
		Header: header(gen.NsvizEventKindEVENT_ENTERED), ByCgroupId: 66, ByPid: 4300, ByUid: 0, Uid: 1000, Below: 1, ByComm: rawComm("runc"),
		Id: [8]uint32{10, 11, 12, 13, 14, 15, 16, 0}, ArgumentsLen: 9, CommandLineLen: 9,
	}
	for i, b := range []byte("sh\x00-c\x00id\x00") {
		w.CommandLine[i] = int8(b)
	}
	edit(&w)
	return record(w, 0)
}

// entry returns the event that enteredRecord decodes to.
func entry(edit func(*event.Entered)) event.Event {
	in := &event.Entered{
		CommandLine: "sh -c id", Namespaces: event.NamespaceIDs{10, 11, 12, 13, 14, 15, 16, 0}, Below: true,
		By: &event.Process{PID: 4300, Comm: "runc", UID: new(uint32(0)), CgroupID: 66},
	}
	edit(in)
	return acting(event.ContainerEntered, func(e *event.Event) { e.UID, e.Entered = new(uint32(1000)), in })
}

func startRecord(edit func(*gen.NsvizStartEvent)) []byte {
	w := gen.NsvizStartEvent{
		Header: header(gen.NsvizEventKindEVENT_START), Steps: gen.NsvizStartSteps{CreatedNs: 1_250_000_000},
		Id: [8]uint32{10, 11, 12, 13, 14, 15, 16, 0},
	}
	edit(&w)
	return record(w, 0)
}

// acting returns an event with the fields of the acting process.
func acting(t event.Type, edit func(*event.Event)) event.Event {
	e := event.Event{Time: fixedClock(1_500_000_000), Type: t, PID: 4242, Comm: "runc:[1:CHILD]", CgroupID: 77, BootNS: 1_500_000_000}
	switch t {
	case event.NamespaceCreated, event.NamespaceJoined, event.CgroupCreated, event.CgroupRemoved:
		e.UID = new(uint32(1000))
	}
	edit(&e)
	return e
}

// kill returns the event that oomRecord decodes to.
func kill(edit func(*event.OOM)) event.Event {
	oom := &event.OOM{
		Scope: event.ScopeCgroup, LimitBytes: new(uint64(64 << 20)), UsageBytes: new(uint64(16380 * 4096)), Decision: 99,
		Victim: event.Victim{
			PID: 5000, TID: 5001, Comm: "stress-ng-vm", ProcessComm: "stress-ng", CommandLine: "stress-ng --vm 1", AnonBytes: new(uint64(16000 * 4096)), FileBytes: new(uint64(3 * 4096)),
			ShmemBytes: new(uint64(4096)), PgtablesBytes: new(uint64(172032)), OOMScoreAdj: new(int32(-998)),
			UID: new(uint32(1000)),
		},
		Trigger:  &event.Process{PID: 4242, Comm: "runc:[1:CHILD]", ProcessComm: "runc", CgroupID: 77},
		CgroupID: 902,
	}
	edit(oom)
	return event.Event{
		Time: fixedClock(1_500_000_000), Type: event.OOMKill, PID: 5000, Comm: "stress-ng-vm", CgroupID: 901, BootNS: 1_500_000_000, OOM: oom,
	}
}

func TestDecode(t *testing.T) {
	asIs := func(*gen.NsvizOomEvent) {}
	for _, test := range []struct {
		name   string
		record []byte
		want   []event.Event
	}{
		{
			name:   "namespaces by clone",
			record: namespacesRecord(func(*gen.NsvizNamespacesEvent) {}),
			want: []event.Event{
				acting(event.NamespaceCreated, func(e *event.Event) {
					e.Namespace = &event.Namespace{
						Type: event.PID, ID: 11, Owner: 21, Parent: 31, Via: event.ViaClone, ChildPID: 4300,
					}
				}),
				acting(event.NamespaceCreated, func(e *event.Event) {
					e.Namespace = &event.Namespace{
						Type: event.User, ID: 15, Owner: 25, Parent: 25, Via: event.ViaClone, ChildPID: 4300,
					}
				}),
			},
		},
		{
			name: "namespace by unshare",
			record: namespacesRecord(func(w *gen.NsvizNamespacesEvent) {
				w.Via, w.Changed, w.ChildPid, w.TookNs = uint32(gen.NsvizNamespaceViaVIA_UNSHARE), 1<<event.Time, 0, 1_500_000
			}),
			want: []event.Event{acting(event.NamespaceCreated, func(e *event.Event) {
				e.Namespace = &event.Namespace{Type: event.Time, ID: 17, Via: event.ViaUnshare, TookMS: new(1.5)}
			})},
		},
		{
			name: "namespace joined by setns",
			record: namespacesRecord(func(w *gen.NsvizNamespacesEvent) {
				w.Via, w.Changed, w.ChildPid = uint32(gen.NsvizNamespaceViaVIA_SETNS), 1<<event.Net, 0
			}),
			want: []event.Event{acting(event.NamespaceJoined, func(e *event.Event) {
				e.Namespace = &event.Namespace{Type: event.Net, ID: 12, Via: event.ViaSetns}
			})},
		},
		{
			name: "namespace freed: who did it means nothing",
			record: record(gen.NsvizNamespaceFreedEvent{
				Header: header(gen.NsvizEventKindEVENT_NAMESPACE_FREED), Id: 4026532200,
			}, 0),
			want: []event.Event{{
				Time: fixedClock(1_500_000_000), Type: event.NamespaceFreed,
				Namespace: &event.Namespace{ID: 4026532200, Via: event.ViaKernel},
			}},
		},
		{
			name:   "cgroup made",
			record: cgroupRecord("/docker/4f5e", func(*gen.NsvizCgroupEvent) {}),
			want: []event.Event{acting(event.CgroupCreated, func(e *event.Event) {
				e.Cgroup = &event.Cgroup{Path: "/docker/4f5e", ID: 900}
			})},
		},
		{
			name:   "cgroup removed, its path unknown",
			record: cgroupRecord("", func(w *gen.NsvizCgroupEvent) { w.Removed = 1 }),
			want: []event.Event{acting(event.CgroupRemoved, func(e *event.Event) {
				e.Cgroup = &event.Cgroup{ID: 900}
			})},
		},
		{
			name:   "start",
			record: startRecord(func(*gen.NsvizStartEvent) {}),
			want: []event.Event{acting(event.ContainerStarted, func(e *event.Event) {
				e.Start = &event.Start{
					DurationMS: new(250.0), Phases: []event.Phase{{Name: "cgroup"}, {Name: "exec", AtMS: 250}},
					Namespaces: event.NamespaceIDs{10, 11, 12, 13, 14, 15, 16, 0},
				}
			})},
		},
		{
			name:   "entered",
			record: enteredRecord(func(*gen.NsvizEnteredEvent) {}),
			want:   []event.Event{entry(func(*event.Entered) {})},
		},
		{
			name:   "entered, its command line cut",
			record: enteredRecord(func(w *gen.NsvizEnteredEvent) { w.ArgumentsLen = 300 }),
			want:   []event.Event{entry(func(in *event.Entered) { in.CommandLineCut = true })},
		},
		{
			name:   "entered, its command line unknown",
			record: enteredRecord(func(w *gen.NsvizEnteredEvent) { w.ArgumentsLen, w.CommandLineLen, w.Below = 0, 0, 0 }),
			want:   []event.Event{entry(func(in *event.Entered) { in.CommandLine, in.Below = "", false })},
		},
		{
			name: "start with all of its steps, cloned before its cgroup was made",
			record: startRecord(func(w *gen.NsvizStartEvent) {
				w.Id, w.ClonedNs = [8]uint32{}, 1_249_500_000
				w.Steps = gen.NsvizStartSteps{
					CreatedNs: 1_250_000_000, EnteredNs: 1_251_000_000, FirstMountNs: 1_260_000_000, LastMountNs: 1_270_000_000,
					PivotedNs: 1_280_000_000, ChrootedNs: 1_290_000_000, Mounts: 31,
				}
			}),
			want: []event.Event{acting(event.ContainerStarted, func(e *event.Event) {
				e.Start = &event.Start{
					DurationMS: new(250.0),
					Phases: []event.Phase{
						{Name: "cgroup"}, {Name: "entered", AtMS: 1}, {Name: "clone", AtMS: -0.5}, {Name: "mounts", AtMS: 10},
						{Name: "mounts_last", AtMS: 20, Count: new(uint32(31))}, {Name: "pivot_root", AtMS: 30}, {Name: "chroot", AtMS: 40},
						{Name: "exec", AtMS: 250},
					},
				}
			})},
		},
		{
			name:   "start by a clock that ran backwards",
			record: startRecord(func(w *gen.NsvizStartEvent) { w.Steps.CreatedNs = 1_500_000_001; w.Id = [8]uint32{} }),
			want:   []event.Event{acting(event.ContainerStarted, func(e *event.Event) { e.Start = &event.Start{} })},
		},
		{
			name:   "start of a cgroup that was there before nsviz",
			record: startRecord(func(w *gen.NsvizStartEvent) { w.Steps = gen.NsvizStartSteps{}; w.Id = [8]uint32{} }),
			want: []event.Event{acting(event.ContainerStarted, func(e *event.Event) {
				e.Start = &event.Start{}
			})},
		},
		{
			name:   "exit with a code",
			record: exitRecord(func(w *gen.NsvizExitEvent) { w.Status = 3 << 8 }),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{Code: new(int32(3)), Cause: event.CauseExited}
			})},
		},
		{
			name: "exit with a code, after a signal that it survived",
			record: exitRecord(func(w *gen.NsvizExitEvent) {
				w.Latest = sent(15, 800)
			}),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{Code: new(int32(0)), Cause: event.CauseExited, EarlierSignal: wantSent(15, 800)}
			})},
		},
		{
			name:   "exit, refused processes",
			record: exitRecord(func(w *gen.NsvizExitEvent) { w.Status, w.PidsKnown, w.PidsRefused = 2<<8, 1, 7 }),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{Code: new(int32(2)), Cause: event.CauseExited, PIDsRefused: new(uint64(7))}
			})},
		},
		{
			name:   "exit, refused none",
			record: exitRecord(func(w *gen.NsvizExitEvent) { w.PidsKnown = 1 }),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{Code: new(int32(0)), Cause: event.CauseExited, PIDsRefused: new(uint64(0))}
			})},
		},
		{
			name:   "an init that is moved",
			record: movedRecord(func(*gen.NsvizInitMovedEvent) {}),
			want: []event.Event{acting(event.InitMoved, func(e *event.Event) {
				e.Moved = &event.Moved{PID: 5000, HomeID: 901, ToID: 1}
			})},
		},
		{
			name: "killed by somebody",
			record: exitRecord(func(w *gen.NsvizExitEvent) {
				w.Status, w.Latest = 9, sent(9, 800)
			}),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{
					Code: new(int32(137)), Signal: 9, Cause: event.CauseSignal,
					By: wantSent(9, 800).By,
				}
			})},
		},
		{
			name: "killed by the kernel, with all in its PID namespace",
			record: exitRecord(func(w *gen.NsvizExitEvent) {
				w.Status, w.Earlier, w.Latest = 9, sent(15, 700), sent(9, 800)
				w.Latest.PidNamespaceEnded = 1
			}),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{
					Code: new(int32(137)), Signal: 9, Cause: event.CauseSignal,
					PIDNamespaceEnded: wantSent(9, 800).By, EarlierSignal: wantSent(15, 700),
				}
			})},
		},
		{
			name: "by itself, just before the end of its PID namespace",
			record: exitRecord(func(w *gen.NsvizExitEvent) {
				w.Status, w.Latest = 3<<8, sent(9, 800)
				w.Latest.PidNamespaceEnded = 1
			}),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{Code: new(int32(3)), Cause: event.CauseExited}
			})},
		},
		{
			name: "killed by somebody who had asked before",
			record: exitRecord(func(w *gen.NsvizExitEvent) {
				w.Status, w.Earlier, w.Latest = 9, sent(15, 700), sent(9, 800)
			}),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{
					Code: new(int32(137)), Signal: 9, Cause: event.CauseSignal,
					By: wantSent(9, 800).By, EarlierSignal: wantSent(15, 700),
				}
			})},
		},
		{
			name: "exit with a code, after a signal that it ignored",
			record: exitRecord(func(w *gen.NsvizExitEvent) {
				w.Status, w.Earlier = 3<<8, sent(15, 700)
			}),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{Code: new(int32(3)), Cause: event.CauseExited, EarlierSignal: wantSent(15, 700)}
			})},
		},
		{
			name: "dumped core on another signal than was sent",
			record: exitRecord(func(w *gen.NsvizExitEvent) {
				w.Status, w.Latest = 11|0x80, sent(15, 800)
			}),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{Code: new(int32(139)), Signal: 11, Cause: event.CauseSignal, EarlierSignal: wantSent(15, 800)}
			})},
		},
		{
			name: "killed by the OOM killer, whoever else tried",
			record: exitRecord(func(w *gen.NsvizExitEvent) {
				w.Status, w.OomKilled, w.Latest = 9, 1, sent(9, 800)
			}),
			want: []event.Event{acting(event.ContainerExited, func(e *event.Event) {
				e.Exit = &event.Exit{Code: new(int32(137)), Signal: 9, Cause: event.CauseOOMKill, EarlierSignal: wantSent(9, 800)}
			})},
		},
		{name: "kill at a limit", record: oomRecord(asIs), want: []event.Event{kill(func(*event.OOM) {})}},
		{
			name:   "kill of a process whose command line is unknown",
			record: oomRecord(func(w *gen.NsvizOomEvent) { w.CommandLineLen, w.ArgumentsLen = 0, 0 }),
			want:   []event.Event{kill(func(o *event.OOM) { o.Victim.CommandLine = "" })},
		},
		{
			name:   "kill of a process whose command line is too long",
			record: oomRecord(func(w *gen.NsvizOomEvent) { called(w, "java\x00-cp\x00/a.jar:\xe3\x83", 4000) }),
			want: []event.Event{kill(func(o *event.OOM) {
				o.Victim.CommandLine, o.Victim.CommandLineCut = "java -cp /a.jar:", true
			})},
		},
		{
			name:   "kill while a container starts",
			record: oomRecord(func(w *gen.NsvizOomEvent) { w.VictimIsEarly = 1 }),
			want:   []event.Event{kill(func(o *event.OOM) { o.Victim.Starting = true })},
		},
		{
			name:   "kill of an init",
			record: oomRecord(func(w *gen.NsvizOomEvent) { w.VictimIsInit = 1 }),
			want:   []event.Event{kill(func(o *event.OOM) { o.Victim.Init = true })},
		},
		{
			name: "kill without sizes",
			record: oomRecord(func(w *gen.NsvizOomEvent) {
				w.SizesKnown, w.AnonPages, w.FilePages, w.ShmemPages, w.PgtablesBytes = 0, 0, 0, 0, 0
			}),
			want: []event.Event{kill(func(o *event.OOM) {
				o.Victim.AnonBytes, o.Victim.FileBytes, o.Victim.ShmemBytes, o.Victim.PgtablesBytes = nil, nil, nil, nil
			})},
		},
		{
			name:   "kill at a limit that has been lifted",
			record: oomRecord(func(w *gen.NsvizOomEvent) { w.LimitPages = math.MaxInt64 / 4096 }),
			want:   []event.Event{kill(func(o *event.OOM) { o.LimitBytes = nil })},
		},
		{
			name: "kill for the host",
			record: oomRecord(func(w *gen.NsvizOomEvent) {
				w.Scope, w.DomainCgroupId, w.LimitPages, w.UsagePages = uint32(gen.NsvizOomScopeOOM_SCOPE_SYSTEM), 0, 0, 0
			}),
			want: []event.Event{kill(func(o *event.OOM) {
				o.Scope, o.CgroupID, o.LimitBytes, o.UsageBytes = event.ScopeSystem, 0, nil, nil
			})},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			at, got, err := testDecoder().decode(test.record)
			if err != nil {
				t.Fatal(err)
			}
			if at != 1_500_000_000 {
				t.Errorf("boot time %d", at)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// malformed are records that no kernel should send.
func malformed() map[string][]byte {
	kind := func(k gen.NsvizEventKind) []byte { return record(header(k), 0) }
	freed := func(edit func(*gen.NsvizNamespaceFreedEvent)) []byte {
		w := gen.NsvizNamespaceFreedEvent{Header: header(gen.NsvizEventKindEVENT_NAMESPACE_FREED)}
		raw := record(w, 0)
		edit((*gen.NsvizNamespaceFreedEvent)(unsafe.Pointer(&raw[0])))
		return raw
	}
	path := func(length uint32) []byte {
		return cgroupRecord("/a", func(w *gen.NsvizCgroupEvent) { w.PathLen = length })
	}
	return map[string][]byte{
		"nothing":            nil,
		"less than a header": make([]byte, headerSize-1),
		"zeroes":             make([]byte, 2048),
		"version":            freed(func(w *gen.NsvizNamespaceFreedEvent) { w.Header.Version++ }),
		"unknown kind":       freed(func(w *gen.NsvizNamespaceFreedEvent) { w.Header.Kind = 200 }),
		"kind 0":             freed(func(w *gen.NsvizNamespaceFreedEvent) { w.Header.Kind = 0 }),
		"larger than itself": freed(func(w *gen.NsvizNamespaceFreedEvent) { w.Header.Size++ }),
		"as large as can be": freed(func(w *gen.NsvizNamespaceFreedEvent) { w.Header.Size = math.MaxUint32 }),
		"smaller than it is": freed(func(w *gen.NsvizNamespaceFreedEvent) { w.Header.Size = 1 }),
		"namespaces, cut":    kind(gen.NsvizEventKindEVENT_NAMESPACES),
		"freed, cut":         kind(gen.NsvizEventKindEVENT_NAMESPACE_FREED),
		"cgroup, cut":        kind(gen.NsvizEventKindEVENT_CGROUP),
		"start, cut":         kind(gen.NsvizEventKindEVENT_START),
		"exit, cut":          kind(gen.NsvizEventKindEVENT_EXIT),
		"kill, cut":          kind(gen.NsvizEventKindEVENT_OOM_KILL),
		"move, cut":          kind(gen.NsvizEventKindEVENT_INIT_MOVED),
		"entered, cut":       kind(gen.NsvizEventKindEVENT_ENTERED),
		"entered, command line too long": enteredRecord(func(w *gen.NsvizEnteredEvent) {
			w.CommandLineLen = 257
		}),
		"command line, cut": oomRecord(func(w *gen.NsvizOomEvent) { w.CommandLineLen = 256 })[:256],
		"command line too long": oomRecord(func(w *gen.NsvizOomEvent) {
			w.CommandLineLen = 257
		}),
		"command line far too long": oomRecord(func(w *gen.NsvizOomEvent) { w.CommandLineLen = math.MaxUint16 }),
		"path without a zero":       path(0),
		"path too long":             path(4),
		"path far too long":         path(math.MaxUint32),
		"unknown via":               namespacesRecord(func(w *gen.NsvizNamespacesEvent) { w.Via = 4 }),
		"no via":                    namespacesRecord(func(w *gen.NsvizNamespacesEvent) { w.Via = 0 }),
	}
}

func TestDecodeMalformed(t *testing.T) {
	for name, raw := range malformed() {
		t.Run(name, func(t *testing.T) {
			if _, events, err := testDecoder().decode(raw); !errors.Is(err, errMalformed) || events != nil {
				t.Errorf("%v, %v", events, err)
			}
		})
	}
}

// TestBatchUsesOneOffset: events of one batch keep their distances although the wall clock is set
// between them.
func TestBatchUsesOneOffset(t *testing.T) {
	calls := 0
	d := newDecoder()
	d.batch(func(bootNS uint64) time.Time {
		calls++
		return fixedClock(bootNS).Add(time.Duration(calls) * time.Hour)
	})
	if between := d.wall(7).Sub(d.wall(3)); between != 4 || calls != 1 {
		t.Errorf("%d ns apart after %d looks at the clock", between, calls)
	}
}

func FuzzDecode(f *testing.F) {
	for _, raw := range malformed() {
		f.Add(raw)
	}
	f.Add(namespacesRecord(func(*gen.NsvizNamespacesEvent) {}))
	f.Add(cgroupRecord("/docker/4f5e", func(*gen.NsvizCgroupEvent) {}))
	f.Add(startRecord(func(*gen.NsvizStartEvent) {}))
	f.Add(exitRecord(func(*gen.NsvizExitEvent) {}))
	f.Add(oomRecord(func(*gen.NsvizOomEvent) {}))
	f.Add(movedRecord(func(*gen.NsvizInitMovedEvent) {}))
	f.Add(enteredRecord(func(*gen.NsvizEnteredEvent) {}))
	d := testDecoder()
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, events, err := d.decode(raw)
		if err != nil {
			if !errors.Is(err, errMalformed) || events != nil {
				t.Fatalf("%v, %v", events, err)
			}
			return
		}
		if len(events) > event.NamespaceTypeCount {
			t.Fatalf("%d events from one record", len(events))
		}
		for _, e := range events {
			if e.Cgroup != nil && len(e.Cgroup.Path) >= len(raw) {
				t.Fatalf("a path of %d bytes in a record of %d", len(e.Cgroup.Path), len(raw))
			}
			if got := bodies(e); got != 1 {
				t.Fatalf("%s has %d bodies", e.Type, got)
			}
		}
	})
}

// bodies counts the pointers of an event of which exactly one is set.
func bodies(e event.Event) int {
	n := 0
	for _, set := range []bool{e.Namespace != nil, e.Cgroup != nil, e.Start != nil, e.Entered != nil, e.Moved != nil, e.Exit != nil, e.OOM != nil, e.Lost != nil} {
		if set {
			n++
		}
	}
	return n
}

func TestPageSizeIsTheHosts(t *testing.T) {
	if d := newDecoder(); d.pageSize != uint64(os.Getpagesize()) {
		t.Errorf("pages of %d bytes", d.pageSize)
	}
}
