package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// SeccompMode is the way in which a process's system calls are filtered.
type SeccompMode int

// The modes of seccomp(2).
const (
	SeccompDisabled SeccompMode = 0
	SeccompStrict   SeccompMode = 1
	SeccompFilter   SeccompMode = 2
)

// Privileges holds what /proc/PID/status reports about what a process may do. A nil field is unknown: the kernel is too old to
// report it.
type Privileges struct {
	Inheritable *Capabilities
	Permitted   *Capabilities
	Effective   *Capabilities
	Bounding    *Capabilities
	Ambient     *Capabilities
	NoNewPrivs  *bool
	Seccomp     *SeccompMode
	// SeccompFilters is the number of filters that a system call passes; the kernel reports it since 5.9.
	SeccompFilters *int
}

// Privileges reads what a process may do.
func (r *Reader) Privileges(pid int32) (Privileges, error) {
	path := r.proc.PID(pid) + "/status"
	var space [pseudofs.SmallFile]byte
	data, err := pseudofs.ReadFile(path, space[:])
	if err != nil {
		return Privileges{}, err
	}
	p, err := parsePrivileges(data)
	if err != nil {
		return Privileges{}, fmt.Errorf("parse %s: %w", path, err)
	}
	return p, nil
}

func parsePrivileges(status []byte) (p Privileges, err error) {
	sets := map[string]**Capabilities{
		"CapInh": &p.Inheritable, "CapPrm": &p.Permitted, "CapEff": &p.Effective, "CapBnd": &p.Bounding, "CapAmb": &p.Ambient,
	}
	for line := range bytes.Lines(status) {
		if len(line) == 0 || line[len(line)-1] != '\n' {
			break // cut short: a number at its end may be incomplete
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		text := string(bytes.TrimSpace(value))
		if set := sets[string(name)]; set != nil {
			n, err := strconv.ParseUint(text, 16, 64)
			if err != nil {
				return Privileges{}, fmt.Errorf("%s: %w", name, err)
			}
			*set = new(Capabilities(n))
			continue
		}
		switch string(name) {
		case "NoNewPrivs", "Seccomp", "Seccomp_filters":
		default:
			continue
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return Privileges{}, fmt.Errorf("%s: %w", name, err)
		}
		switch string(name) {
		case "NoNewPrivs":
			p.NoNewPrivs = new(n != 0)
		case "Seccomp":
			p.Seccomp = new(SeccompMode(n))
		case "Seccomp_filters":
			p.SeccompFilters = new(int(n))
		}
	}
	return p, nil
}

// LSMLabel reads the profile (AppArmor) or label (SELinux, Smack) under which a process runs, in that module's words. If no such
// module is active, it returns "" without an error.
func (r *Reader) LSMLabel(pid int32) (string, error) {
	var space [pseudofs.SmallFile]byte
	// With several modules, current belongs to the first one that returns something.
	data, err := pseudofs.ReadFile(r.proc.PID(pid)+"/attr/current", space[:])
	switch {
	case err == nil:
		data, _, _ = bytes.Cut(data, []byte{0}) // SELinux ends it with a NUL
		return string(bytes.TrimSuffix(data, []byte("\n"))), nil
	case errors.Is(err, unix.EINVAL):
		return "", nil // no module has answered
	case errors.Is(err, fs.ErrNotExist):
		// The kernel has no such modules, or the process is gone.
		if _, gone := pseudofs.Lstat(r.proc.PID(pid)); gone != nil {
			return "", gone
		}
		return "", nil
	}
	return "", err
}
