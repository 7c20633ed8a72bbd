package hostfs

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"

	"github.com/nsviz/nsviz/internal/event"
)

// Process is one process of the host.
type Process struct {
	PID  int32
	PPID int32
	Comm string
	// NSPID are the process's PIDs in each PID namespace that it is in, the host's first: the last
	// one is what it calls itself.
	NSPID []int32
	// UID is the real user id.
	UID uint32
	// StartTime is in clock ticks since boot. Together with PID it names a process for good.
	StartTime uint64
	// Namespaces holds 0 where the process's namespace may not be read.
	Namespaces event.NamespaceIDs
	// Cgroup is the path in the tracked hierarchy; "" where it is unknown.
	Cgroup string
}

// PIDs lists the host's processes in ascending order.
func (f *FS) PIDs() ([]int32, error) {
	list, err := f.ListProcesses()
	if err != nil {
		return nil, err
	}
	pids := make([]int32, len(list))
	for i, p := range list {
		pids[i] = p.PID
	}
	return pids, nil
}

// Processes reads every process in ascending order of PIDs, each one when it is asked for. It
// leaves out what vanishes meanwhile. A process that could be read in part only comes with an
// error and the reading goes on; an error without a PID ends it. A zero layout leaves Cgroup empty.
func (f *FS) Processes(layout Layout) iter.Seq2[Process, error] {
	return func(yield func(Process, error) bool) {
		pids, err := f.PIDs()
		if err != nil {
			yield(Process{}, fmt.Errorf("list processes: %w", err))
			return
		}
		for _, pid := range pids {
			process, err := f.Process(pid, layout)
			if isGone(err) {
				continue
			}
			if !yield(process, err) {
				return
			}
		}
	}
}

// Process reads all of one process. A zero layout leaves Cgroup empty. What could be read of a process
// that may be read in part only comes with the error.
func (f *FS) Process(pid int32, layout Layout) (Process, error) {
	p := Process{PID: pid}
	dir, err := openDirectory(f.pidDir(pid))
	if err != nil {
		return p, err
	}
	defer dir.close()
	var space [smallFile]byte
	stat, err := readStat(dir, space[:])
	if err != nil {
		return p, err
	}
	p.PPID, p.Comm, p.StartTime = stat.PPID, stat.Comm, stat.StartTime
	status, err := readStatus(dir, space[:])
	if err != nil {
		return p, err
	}
	p.NSPID, p.UID = status.NSPID, status.UID
	if p.Namespaces, _, err = readNamespaces(dir); err != nil {
		return p, err
	}
	if layout.Dir == "" {
		return p, nil
	}
	p.Cgroup, err = layout.readCgroupPath(dir, space[:])
	if errors.Is(err, ErrOutsideMount) { // its path has no name here: unknown, and no failure
		err = nil
	}
	return p, err
}

// Comm reads a process's name, which it chooses itself: up to 15 bytes of anything but NUL.
func (f *FS) Comm(pid int32) (string, error) {
	var space [smallFile]byte
	data, err := readFile(f.pidDir(pid)+"/comm", space[:])
	if err != nil {
		return "", err
	}
	if n := len(data); n > 0 && data[n-1] == '\n' { // only one: a comm may end with a newline of its own
		data = data[:n-1]
	}
	return string(data), nil
}

// Exe reads the path of the program that a process runs, as its own mount namespace names it; the
// kernel appends " (deleted)" when the file is gone. Kernel threads run none, which reads as
// fs.ErrNotExist.
func (f *FS) Exe(pid int32) (string, error) {
	path := f.pidDir(pid) + "/exe"
	target, err := os.Readlink(path)
	if err != nil {
		return "", pathError("readlink", path, errors.Unwrap(err))
	}
	return target, nil
}

// parsePID accepts what the kernel writes for the PID of a living process: decimal, from 1 on.
func parsePID(text []byte) (int32, bool) {
	if len(text) == 0 || text[0] < '1' || text[0] > '9' {
		return 0, false
	}
	pid, err := strconv.ParseInt(string(text), 10, 32)
	return int32(pid), err == nil
}
