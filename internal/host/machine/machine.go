package machine

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Machine holds the facts about the machine. A zero field is unknown.
type Machine struct {
	// Name is the host name as this process sees it: the kernel answers with that of the reader's
	// UTS namespace, whichever procfs is asked.
	Name string
	// Kernel is the kernel's release, as `uname -r` prints it.
	Kernel string
	// MemoryBytes is the RAM that the kernel manages (MemTotal).
	MemoryBytes uint64
	// CPUs is the number of processors that are online.
	CPUs int
	// BootTime is by the wall clock as it is now. It is exact to the second if the procfs is not that of this machine.
	BootTime time.Time
}

// Reader reads the facts about the machine that a procfs has. Any number of goroutines may use one at a time.
type Reader struct{ proc pseudofs.Proc }

// New returns a reader of the facts in proc.
func New(proc pseudofs.Proc) *Reader { return &Reader{proc} }

// Read reads the facts about the machine. When some cannot be had, it returns the others together
// with an error.
func (r *Reader) Read() (Machine, error) {
	var m Machine
	var errs []error
	read := func(name string, use func(data []byte) error) {
		data, err := pseudofs.ReadFile(r.proc.File(name), nil)
		if err == nil {
			if err = use(data); err != nil {
				err = fmt.Errorf("parse %s: %w", r.proc.File(name), err)
			}
		}
		errs = append(errs, err)
	}
	read("sys/kernel/hostname", func(data []byte) error {
		m.Name = string(bytes.TrimSuffix(data, []byte("\n")))
		return nil
	})
	read("sys/kernel/osrelease", func(data []byte) error {
		m.Kernel = string(bytes.TrimSuffix(data, []byte("\n")))
		return nil
	})
	read("meminfo", func(data []byte) (err error) {
		m.MemoryBytes, err = parseMemTotal(data)
		return err
	})
	read("stat", func(data []byte) (err error) {
		if m.CPUs, m.BootTime, err = parseSystemStat(data); err == nil {
			m.BootTime = exactBoot(m.BootTime, bootByClocks())
		}
		return err
	})
	return m, errors.Join(errs...)
}

// bootByClocks returns when this machine was booted, by the difference of its clocks.
func bootByClocks() time.Time {
	var boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		return time.Time{} // every kernel that nsviz runs on has this clock
	}
	return time.Now().Add(-time.Duration(boot.Nano())).Round(10 * time.Millisecond).UTC() // the unit of start times in /proc
}

// exactBoot returns the boot time of which seconds has the complete seconds: byClocks, if that fits.
func exactBoot(seconds, byClocks time.Time) time.Time {
	if byClocks.Sub(seconds).Abs() < 2*time.Second { // the clocks may have been set between the two readings
		return byClocks
	}
	return seconds
}

// parseMemTotal finds MemTotal in /proc/meminfo, in bytes.
func parseMemTotal(data []byte) (uint64, error) {
	for line := range bytes.Lines(data) {
		value, found := bytes.CutPrefix(line, []byte("MemTotal:"))
		if !found {
			continue
		}
		fields := bytes.Fields(value)
		if len(fields) != 2 || string(fields[1]) != "kB" {
			return 0, fmt.Errorf("MemTotal is %q, not a number of kB", bytes.TrimSpace(value))
		}
		kib, err := strconv.ParseUint(string(fields[0]), 10, 54) // 54 bits: the bytes fit into 64
		if err != nil {
			return 0, fmt.Errorf("MemTotal: %w", err)
		}
		return kib << 10, nil
	}
	return 0, errors.New("no MemTotal line")
}

// parseSystemStat counts the processors in /proc/stat and finds the boot time.
func parseSystemStat(data []byte) (cpus int, boot time.Time, err error) {
	for line := range bytes.Lines(data) {
		if rest, found := bytes.CutPrefix(line, []byte("cpu")); found {
			if len(rest) > 0 && '0' <= rest[0] && rest[0] <= '9' { // the line "cpu " is their sum
				cpus++
			}
			continue
		}
		if rest, found := bytes.CutPrefix(line, []byte("btime ")); found {
			seconds, err := strconv.ParseInt(string(bytes.TrimSpace(rest)), 10, 64)
			if err != nil {
				return cpus, time.Time{}, fmt.Errorf("btime: %w", err)
			}
			return cpus, time.Unix(seconds, 0).UTC(), nil
		}
	}
	return cpus, time.Time{}, errors.New("no btime line")
}
