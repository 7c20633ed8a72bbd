package probes

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// confinement holds what is known of the limits that somebody has set for this process.
type confinement struct {
	// capabilities are the effective ones, as a bit set; nil if unknown.
	capabilities *uint64
	// filtered is whether a seccomp filter is active; nil if unknown.
	filtered *bool
	// call is the kernel's answer to a bpf system call that needs neither memory nor rights: nil if the call reaches
	// the kernel's own code. A seccomp filter or a security module may answer in its place.
	call error
}

func readConfinement() confinement {
	c := confinement{call: tryCall()}
	if status, err := os.ReadFile("/proc/thread-self/status"); err == nil { // else unknown
		c.parse(status)
	}
	return c
}

// parse reads a status file of procfs.
func (c *confinement) parse(status []byte) {
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimSpace(value); name {
		case "CapEff":
			if set, err := strconv.ParseUint(value, 16, 64); err == nil {
				c.capabilities = &set
			}
		case "Seccomp":
			c.filtered = new(value == "2") // SECCOMP_MODE_FILTER
		}
	}
}

// tryCall looks up an element of a map that does not exist.
func tryCall() error {
	attr := struct {
		fd         uint32
		_          uint32
		key, value uint64
		flags      uint64
	}{fd: ^uint32(0)}
	_, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_LOOKUP_ELEM, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno == 0 || errno == unix.EBADF {
		return nil
	}
	return errno
}

// missing returns the names of the capabilities that BPF for tracing needs and this process lacks.
func (c confinement) missing() []string {
	if c.capabilities == nil || *c.capabilities&(1<<unix.CAP_SYS_ADMIN) != 0 {
		return nil
	}
	var names []string
	for _, needed := range []struct {
		bit  int
		name string
	}{{unix.CAP_BPF, "CAP_BPF"}, {unix.CAP_PERFMON, "CAP_PERFMON"}} {
		if *c.capabilities&(1<<needed.bit) == 0 {
			names = append(names, needed.name)
		}
	}
	return names
}

// has reports whether all capabilities are known to be there.
func (c confinement) has() bool { return c.capabilities != nil && len(c.missing()) == 0 }

// stopped reports whether the bpf system call fails before the kernel's own code.
func (c confinement) stopped() bool {
	return errors.Is(c.call, unix.EPERM) || errors.Is(c.call, unix.ENOSYS)
}

// behindFilter reports whether a seccomp filter is known to be active.
func (c confinement) behindFilter() bool { return c.filtered != nil && *c.filtered }
