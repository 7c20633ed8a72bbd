package probes

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock turns the kernel's boot time (CLOCK_BOOTTIME, ns) into wall-clock time.
type Clock func(bootNS uint64) time.Time

// BootNow returns the current time of the kernel's boot clock, in nanoseconds.
func BootNow() uint64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) // cannot fail, see HostClock
	return uint64(t.Nano())
}

// HostClock is the running host's clock. It reads both clocks at each call, so that it follows
// a wall clock that is set.
func HostClock(bootNS uint64) time.Time {
	// The wall clock is read between two readings of the other one. Of several tries the least interrupted one
	// counts.
	const tries = 3
	var offset, best int64
	for i := range tries {
		before, wall, after := clockNS(unix.CLOCK_BOOTTIME), clockNS(unix.CLOCK_REALTIME), clockNS(unix.CLOCK_BOOTTIME)
		if took := after - before; i == 0 || took < best {
			best, offset = took, wall-before-took/2
		}
	}
	return time.Unix(0, offset+int64(bootNS)).UTC()
}

// clockNS reads a clock, which cannot fail for those of a kernel that has BPF ring buffers.
func clockNS(id int32) int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(id, &t)
	return t.Nano()
}
