package probes

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock turns the kernel's boot time (CLOCK_BOOTTIME, ns) into wall-clock time.
type Clock func(bootNS uint64) time.Time

// HostClock is the running host's clock. It asks for both clocks at each call, so that it follows
// when the wall clock is set.
func HostClock(bootNS uint64) time.Time {
	var boot, wall unix.Timespec
	// Neither call can fail for these clocks on a kernel that has BPF ring buffers.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	_ = unix.ClockGettime(unix.CLOCK_REALTIME, &wall)
	return time.Unix(0, wall.Nano()-boot.Nano()+int64(bootNS)).UTC()
}
