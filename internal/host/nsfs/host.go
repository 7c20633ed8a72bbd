package nsfs

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/nsviz/nsviz/internal/event"
)

// The sources of OfHost's answer.
const (
	FromInit      = "/proc/1 (init)"
	FromKthreadd  = "/proc/2 (kthreadd)"
	FromSelf      = "/proc/self (nsviz's own, which look like the host's)"
	FromConstants = "the kernel's constants (mnt and net are unknown)"
)

// Initial returns the numbers of the namespaces that the kernel boots with, from its enum init_ns_ino (PROC_*_INIT_INO before
// 6.18): user, uts, ipc and pid since 3.8, cgroup since 4.6, time since 5.6. No other namespace gets them: dynamic numbers start
// at 0xf0000000. The initial mnt and net namespaces had dynamic numbers for long; here they are 0.
func Initial() event.NamespaceIDs {
	return event.NamespaceIDs{
		event.IPC:      0xefffffff,
		event.UTS:      0xeffffffe,
		event.User:     0xeffffffd,
		event.PID:      0xeffffffc,
		event.CgroupNS: 0xeffffffb,
		event.Time:     0xeffffffa,
	}
}

// OfHost returns the ids of the host's own namespaces and their source.
//
// The best source is the host's init. Everything else on the host descends from it and shares its namespaces, also on the few
// systems where init leaves those that it was started in. But /proc/1 may be unreadable even for root, and if nsviz runs in a PID
// namespace of its own it is some container's init. So /proc/1 counts only if it is in the initial PID namespace, whose number is
// a constant. Next comes kthreadd, by the same test: in a procfs of the initial PID namespace it always has PID 2, and it stays
// in the namespaces that the kernel booted with. Next are nsviz's own, if they agree with the kernel in all types that have a
// constant. The last source are the constants themselves.
func (r *Reader) OfHost() (ids event.NamespaceIDs, from string, err error) {
	initial := Initial()
	for _, source := range []struct {
		pid  int32
		from string
	}{{1, FromInit}, {2, FromKthreadd}} {
		ids, err := r.Of(source.pid)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return event.NamespaceIDs{}, "", fmt.Errorf("read the host's namespaces: %w", err)
		}
		if err == nil && ids[event.PID] == initial[event.PID] {
			return ids, source.from, nil
		}
	}
	own, err := r.namespacesIn(r.proc.File("self"))
	if err != nil {
		return event.NamespaceIDs{}, "", fmt.Errorf("read nsviz's own namespaces: %w", err)
	}
	alike := true
	for t := range initial {
		if own[t] == 0 { // the kernel has no such type
			initial[t] = 0
		}
		if initial[t] != 0 && own[t] != initial[t] {
			alike = false
		}
	}
	if initial.IsZero() {
		return event.NamespaceIDs{}, "", fmt.Errorf("%s shows no namespaces, not even nsviz's own: "+
			"run nsviz as root on the host", r.proc.File("self/ns"))
	}
	if alike {
		return own, FromSelf, nil
	}
	return initial, FromConstants, nil
}

// HostPIDs reports whether the procfs belongs to the initial PID namespace, so that its PIDs are the kernel's. A process of that
// namespace sees itself only in such a procfs; any other process checks the first two processes. If nothing can be read, HostPIDs
// returns true.
func (r *Reader) HostPIDs() (bool, error) {
	initial := Initial()[event.PID]
	own, err := r.namespacesIn(r.proc.File("self"))
	if err != nil {
		return false, fmt.Errorf("read nsviz's own namespaces: %w", err)
	}
	if own[event.PID] == initial || own[event.PID] == 0 {
		return true, nil
	}
	for _, pid := range []int32{1, 2} {
		if ids, err := r.Of(pid); err == nil && ids[event.PID] == initial {
			return true, nil
		}
	}
	return false, nil
}
