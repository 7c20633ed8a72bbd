package probes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/event"
)

// errMalformed reports a record from the ring that does not follow bpf/event.h.
var errMalformed = errors.New("malformed event")

const headerSize = int(unsafe.Sizeof(gen.NsvizEventHeader{}))

// decoder turns records into events. A record of several new namespaces becomes as many events.
type decoder struct {
	table    map[gen.NsvizEventKind]func(d *decoder, h *gen.NsvizEventHeader, record []byte) ([]event.Event, error)
	pageSize uint64
	// booted is the wall-clock time of the boot. It stays the same over batches, so that the order does, until it is off
	// by more than clockJitter.
	booted time.Time
}

func newDecoder() *decoder {
	d := &decoder{pageSize: uint64(os.Getpagesize())}
	d.table = map[gen.NsvizEventKind]func(*decoder, *gen.NsvizEventHeader, []byte) ([]event.Event, error){
		gen.NsvizEventKindEVENT_NAMESPACES:      (*decoder).namespaces,
		gen.NsvizEventKindEVENT_NAMESPACE_FREED: (*decoder).namespaceFreed,
		gen.NsvizEventKindEVENT_CGROUP:          (*decoder).cgroup,
		gen.NsvizEventKindEVENT_START:           (*decoder).start,
		gen.NsvizEventKindEVENT_EXIT:            (*decoder).exit,
		gen.NsvizEventKindEVENT_OOM_KILL:        (*decoder).oomKill,
		gen.NsvizEventKindEVENT_INIT_MOVED:      (*decoder).initMoved,
		gen.NsvizEventKindEVENT_ENTERED:         (*decoder).entered,
	}
	return d
}

// clockJitter is the most by which two readings of both clocks may differ if neither clock was set or slowed down.
const clockJitter = 100 * time.Microsecond

// batch sets the offset between boot time and wall-clock time for the records that follow.
func (d *decoder) batch(clock Clock) {
	if base := clock(0); d.booted.IsZero() || base.Sub(d.booted).Abs() > clockJitter {
		d.booted = base
	}
}

// wall turns boot time into wall-clock time.
func (d *decoder) wall(bootNS uint64) time.Time {
	return d.booted.Add(time.Duration(min(bootNS, math.MaxInt64)))
}

// decode reads one record of the ring, and returns the boot time at which it was made. It fails with
// errMalformed.
func (d *decoder) decode(record []byte) (bootNS uint64, events []event.Event, err error) {
	var h gen.NsvizEventHeader
	if err := view(record, headerSize, &h); err != nil {
		return 0, nil, err
	}
	if gen.NsvizEventVersion(h.Version) != gen.NsvizEventVersionEVENT_VERSION {
		return 0, nil, fmt.Errorf("%w: version %d", errMalformed, h.Version)
	}
	if uint64(h.Size) > uint64(len(record)) {
		return 0, nil, fmt.Errorf("%w: %d of %d bytes", errMalformed, len(record), h.Size)
	}
	decode, ok := d.table[gen.NsvizEventKind(h.Kind)]
	if !ok {
		return 0, nil, fmt.Errorf("%w: kind %d", errMalformed, h.Kind)
	}
	events, err = decode(d, &h, record[:h.Size])
	return h.BootNs, events, err
}

// view copies the first size bytes of a record into a generated struct.
func view[T any](record []byte, size int, into *T) error {
	if len(record) < size {
		return fmt.Errorf("%w: %d bytes, want at least %d", errMalformed, len(record), size)
	}
	dst := unsafe.Slice((*byte)(unsafe.Pointer(into)), unsafe.Sizeof(*into))
	copy(dst, record[:size])
	return nil
}

func whole[T any](record []byte) (*T, error) {
	t := new(T)
	return t, view(record, int(unsafe.Sizeof(*t)), t)
}

// base returns an event with the fields of every event about an acting process.
func (d *decoder) base(h *gen.NsvizEventHeader, t event.Type) event.Event {
	return event.Event{
		Time: d.wall(h.BootNs), Type: t, PID: int32(h.Pid), Comm: comm(h.Comm), CgroupID: h.CgroupId, BootNS: h.BootNs,
	}
}

func comm[T int8 | uint8](raw [16]T) string {
	b := make([]byte, 0, len(raw))
	for _, c := range raw {
		if c == 0 {
			break
		}
		b = append(b, byte(c))
	}
	return string(b)
}

func (d *decoder) namespaces(h *gen.NsvizEventHeader, record []byte) ([]event.Event, error) {
	w, err := whole[gen.NsvizNamespacesEvent](record)
	if err != nil {
		return nil, err
	}
	typ, via := event.NamespaceCreated, event.ViaClone
	switch gen.NsvizNamespaceVia(w.Via) {
	case gen.NsvizNamespaceViaVIA_CLONE:
	case gen.NsvizNamespaceViaVIA_UNSHARE:
		via = event.ViaUnshare
	case gen.NsvizNamespaceViaVIA_SETNS:
		typ, via = event.NamespaceJoined, event.ViaSetns
	default:
		return nil, fmt.Errorf("%w: via %d", errMalformed, w.Via)
	}
	var took *float64
	if w.TookNs != 0 {
		took = new(float64(w.TookNs) / 1e6)
	}
	var events []event.Event
	for _, t := range event.NamespaceTypes() {
		if w.Changed&(1<<t) == 0 {
			continue
		}
		e := d.base(h, typ)
		e.UID = new(w.Uid)
		e.Namespace = &event.Namespace{
			Type: t, ID: uint64(w.Id[t]), Owner: uint64(w.Owner[t]), Parent: uint64(w.Parent[t]),
			Via: via, ChildPID: int32(w.ChildPid), TookMS: took,
		}
		events = append(events, e)
	}
	return events, nil
}

// namespaceFreed has only the number; the table of namespaces fills in the type. The
// process in whose context a namespace is freed is unrelated to it.
func (d *decoder) namespaceFreed(h *gen.NsvizEventHeader, record []byte) ([]event.Event, error) {
	w, err := whole[gen.NsvizNamespaceFreedEvent](record)
	if err != nil {
		return nil, err
	}
	return []event.Event{{
		Time: d.wall(h.BootNs), Type: event.NamespaceFreed,
		Namespace: &event.Namespace{ID: uint64(w.Id), Via: event.ViaKernel},
	}}, nil
}

func (d *decoder) cgroup(h *gen.NsvizEventHeader, record []byte) ([]event.Event, error) {
	var w gen.NsvizCgroupEvent
	fixed := int(unsafe.Offsetof(w.Path))
	if len(record) < fixed {
		return nil, fmt.Errorf("%w: %d bytes, want at least %d", errMalformed, len(record), fixed)
	}
	id := binary.NativeEndian.Uint64(record[unsafe.Offsetof(w.Id):])
	removed := binary.NativeEndian.Uint32(record[unsafe.Offsetof(w.Removed):])
	length := int(binary.NativeEndian.Uint32(record[unsafe.Offsetof(w.PathLen):]))
	if length < 1 || fixed+length > len(record) {
		return nil, fmt.Errorf("%w: path of %d bytes in %d", errMalformed, length, len(record))
	}
	typ := event.CgroupCreated
	if removed != 0 {
		typ = event.CgroupRemoved
	}
	e := d.base(h, typ)
	e.UID = new(binary.NativeEndian.Uint32(record[unsafe.Offsetof(w.Uid):]))
	e.Cgroup = &event.Cgroup{Path: string(record[fixed : fixed+length-1]), ID: id}
	return []event.Event{e}, nil
}

func (d *decoder) start(h *gen.NsvizEventHeader, record []byte) ([]event.Event, error) {
	w, err := whole[gen.NsvizStartEvent](record)
	if err != nil {
		return nil, err
	}
	e := d.base(h, event.ContainerStarted)
	e.Start = &event.Start{}
	steps := &w.Steps
	if steps.CreatedNs != 0 && steps.CreatedNs <= h.BootNs {
		since := func(bootNS uint64) float64 { return float64(int64(bootNS-steps.CreatedNs)) / 1e6 }
		e.Start.DurationMS = new(since(h.BootNs))
		var mounts *uint32
		if steps.Mounts != 0 {
			mounts = new(steps.Mounts)
		}
		for _, phase := range []struct {
			name   string
			bootNS uint64
			count  *uint32
		}{
			{event.PhaseCgroup, steps.CreatedNs, nil},
			{event.PhaseEntered, steps.EnteredNs, nil},
			{event.PhaseClone, w.ClonedNs, nil},
			{event.PhaseMounts, steps.FirstMountNs, nil},
			{event.PhaseMountsLast, steps.LastMountNs, mounts},
			{event.PhasePivotRoot, steps.PivotedNs, nil},
			{event.PhaseChroot, steps.ChrootedNs, nil},
			{event.PhaseExec, h.BootNs, nil},
		} {
			if phase.bootNS != 0 {
				e.Start.Phases = append(e.Start.Phases, event.Phase{Name: phase.name, AtMS: since(phase.bootNS), Count: phase.count})
			}
		}
	}
	for t, id := range w.Id {
		e.Start.Namespaces[t] = uint64(id)
	}
	return []event.Event{e}, nil
}

func (d *decoder) exit(h *gen.NsvizEventHeader, record []byte) ([]event.Event, error) {
	w, err := whole[gen.NsvizExitEvent](record)
	if err != nil {
		return nil, err
	}
	status := unix.WaitStatus(w.Status)
	exit := &event.Exit{Cause: event.CauseExited}
	latest, earlier := d.sentSignal(&w.Latest), d.sentSignal(&w.Earlier)
	var namespaceEnd *event.Process // the PID 1 of an ended PID namespace, if that end made the kernel send the latest one
	if latest != nil && w.Latest.PidNamespaceEnded != 0 {
		latest, namespaceEnd = nil, latest.By
	}
	if latest != nil {
		exit.EarlierSignal = latest
	} else {
		exit.EarlierSignal = earlier
	}
	if sig := int32(w.Status & 0x7f); sig != 0 {
		exit.Signal = sig
		exit.Code = new(128 + sig)
		exit.Cause = event.CauseSignal
		switch {
		case w.OomKilled != 0 && unix.Signal(sig) == unix.SIGKILL:
			exit.Cause = event.CauseOOMKill
		case namespaceEnd != nil && unix.Signal(sig) == unix.SIGKILL:
			exit.PIDNamespaceEnded = namespaceEnd
		case latest != nil && latest.Signal == sig:
			exit.By, exit.EarlierSignal = latest.By, earlier
		}
	} else {
		exit.Code = new(int32(status.ExitStatus()))
	}
	if w.PidsKnown != 0 {
		exit.PIDsRefused = new(w.PidsRefused)
	}
	e := d.base(h, event.ContainerExited)
	if w.StatusKnown != 0 {
		e.Exit = exit
	}
	return []event.Event{e}, nil
}

// initMoved has only the ids of the cgroups; the tracker fills in the paths.
func (d *decoder) initMoved(h *gen.NsvizEventHeader, record []byte) ([]event.Event, error) {
	w, err := whole[gen.NsvizInitMovedEvent](record)
	if err != nil {
		return nil, err
	}
	e := d.base(h, event.InitMoved)
	e.Moved = &event.Moved{PID: int32(w.Init), HomeID: w.Home, ToID: w.To}
	return []event.Event{e}, nil
}

// entered has all namespaces of the process; whose they are, and so whether it is an entry, shows in user space.
func (d *decoder) entered(h *gen.NsvizEventHeader, record []byte) ([]event.Event, error) {
	w, err := whole[gen.NsvizEnteredEvent](record)
	if err != nil {
		return nil, err
	}
	if int(w.CommandLineLen) > len(w.CommandLine) {
		return nil, fmt.Errorf("%w: command line of %d bytes", errMalformed, w.CommandLineLen)
	}
	e := d.base(h, event.ContainerEntered)
	e.UID = new(w.Uid)
	e.Entered = &event.Entered{
		By:    &event.Process{PID: int32(w.ByPid), Comm: comm(w.ByComm), UID: new(w.ByUid), CgroupID: w.ByCgroupId},
		Below: w.Below != 0,
	}
	arguments := record[unsafe.Offsetof(w.CommandLine):][:w.CommandLineLen]
	e.Entered.CommandLine, e.Entered.CommandLineCut = commandLine(arguments, w.ArgumentsLen)
	for t, id := range w.Id {
		e.Entered.Namespaces[t] = uint64(id)
	}
	return []event.Event{e}, nil
}

// commandLine words the arguments of a process, of which all had a length.
func commandLine(arguments []byte, all uint32) (line string, cut bool) {
	cut = all > uint32(len(arguments))
	return event.CommandLine(arguments, cut), cut
}

// sentSignal returns nil if there was none.
func (d *decoder) sentSignal(w *gen.NsvizSentSignal) *event.SentSignal {
	if w.Pid == 0 {
		return nil
	}
	return &event.SentSignal{
		Signal: int32(w.Signal), Time: d.wall(w.BootNs),
		By: &event.Process{PID: int32(w.Pid), Comm: comm(w.Comm), UID: new(w.Uid), CgroupID: w.CgroupId},
	}
}

func (d *decoder) oomKill(h *gen.NsvizEventHeader, record []byte) ([]event.Event, error) {
	w := new(gen.NsvizOomEvent)
	fixed := int(unsafe.Offsetof(w.CommandLine))
	if err := view(record, fixed, w); err != nil {
		return nil, err
	}
	if int(w.CommandLineLen) > len(w.CommandLine) || fixed+int(w.CommandLineLen) > len(record) {
		return nil, fmt.Errorf("%w: command line of %d bytes in %d", errMalformed, w.CommandLineLen, len(record))
	}
	e := d.base(h, event.OOMKill)
	trigger := &event.Process{PID: e.PID, Comm: e.Comm, ProcessComm: comm(w.TriggerProcessComm), CgroupID: e.CgroupID}
	e.PID, e.Comm, e.CgroupID = int32(w.VictimPid), comm(w.VictimComm), w.VictimCgroupId
	victim := event.Victim{PID: int32(w.VictimPid), TID: int32(w.VictimTid), Comm: e.Comm, ProcessComm: comm(w.VictimProcessComm), Init: w.VictimIsInit != 0, Starting: w.VictimIsEarly != 0}
	for t, id := range w.VictimNamespaces {
		victim.Namespaces[t] = uint64(id)
	}
	unread := func(bit gen.NsvizOomUnread) bool { return gen.NsvizOomUnread(w.Unread)&bit != 0 }
	if !unread(gen.NsvizOomUnreadOOM_UNREAD_UID) {
		victim.UID = new(w.VictimUid)
	}
	if !unread(gen.NsvizOomUnreadOOM_UNREAD_SCORE_ADJ) {
		victim.OOMScoreAdj = new(w.VictimOomScoreAdj)
	}
	victim.CommandLine, victim.CommandLineCut = commandLine(record[fixed:fixed+int(w.CommandLineLen)], w.ArgumentsLen)
	if w.SizesKnown != 0 {
		victim.AnonBytes = new(w.AnonPages * d.pageSize)
		victim.FileBytes = new(w.FilePages * d.pageSize)
		victim.ShmemBytes = new(w.ShmemPages * d.pageSize)
		victim.PgtablesBytes = new(w.PgtablesBytes)
	}
	oom := &event.OOM{
		Scope: scope(gen.NsvizOomScope(w.Scope)), Decision: w.Decision, Group: w.Group != 0, Victim: victim, Trigger: trigger,
		CgroupID: w.DomainCgroupId,
	}
	if w.DomainCgroupId != 0 && !unread(gen.NsvizOomUnreadOOM_UNREAD_DOMAIN) {
		oom.UsageBytes = new(w.UsagePages * d.pageSize)
		// include/linux/page_counter.h: PAGE_COUNTER_MAX is LONG_MAX / PAGE_SIZE and means no limit.
		if w.LimitPages < math.MaxInt64/d.pageSize {
			oom.LimitBytes = new(w.LimitPages * d.pageSize)
		}
	}
	e.OOM = oom
	return []event.Event{e}, nil
}

func scope(s gen.NsvizOomScope) event.Scope {
	switch s {
	case gen.NsvizOomScopeOOM_SCOPE_CGROUP:
		return event.ScopeCgroup
	case gen.NsvizOomScopeOOM_SCOPE_SYSTEM:
		return event.ScopeSystem
	case gen.NsvizOomScopeOOM_SCOPE_CPUSET:
		return event.ScopeCpuset
	case gen.NsvizOomScopeOOM_SCOPE_MEMPOLICY:
		return event.ScopeMempolicy
	}
	return ""
}
