package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Reader reads the processes of a procfs. It is safe for concurrent use, and there is nothing to close.
type Reader struct {
	proc   pseudofs.Proc
	ns     *nsfs.Reader
	memory *patientReader
}

// New returns a reader of the processes in proc.
func New(proc pseudofs.Proc) *Reader {
	return &Reader{proc: proc, ns: nsfs.New(proc), memory: newPatientReader()}
}

// Process is one process of the host.
type Process struct {
	PID  int32
	PPID int32
	Comm string
	// NSPID holds the process's PIDs in each PID namespace that it is in, the host's first. The last one is its PID in its own
	// namespace.
	NSPID []int32
	// UID is the real user id.
	UID uint32
	// StartTime is in clock ticks since boot. Together with PID it identifies a process for good.
	StartTime uint64
	// Namespaces holds 0 for each namespace that may not be read.
	Namespaces event.NamespaceIDs
	// Cgroup is the path in the tracked hierarchy; "" if it is unknown.
	Cgroup string
}

// PIDs lists the host's processes in ascending order.
func (r *Reader) PIDs() ([]int32, error) {
	list, err := r.List()
	if err != nil {
		return nil, err
	}
	pids := make([]int32, len(list))
	for i, p := range list {
		pids[i] = p.PID
	}
	return pids, nil
}

// Processes reads every process in ascending order of PIDs, each one when the caller asks for it. It leaves out those that vanish
// meanwhile. A process of which only a part could be read comes with an error, and the reading goes on; an error without a PID
// ends it. A zero layout leaves Cgroup empty.
func (r *Reader) Processes(layout cgroupfs.Layout) iter.Seq2[Process, error] {
	return func(yield func(Process, error) bool) {
		pids, err := r.PIDs()
		if err != nil {
			yield(Process{}, fmt.Errorf("list processes: %w", err))
			return
		}
		for _, pid := range pids {
			process, err := r.Process(pid, layout)
			if pseudofs.IsGone(err) {
				continue
			}
			if !yield(process, err) {
				return
			}
		}
	}
}

// Process reads all of one process. A zero layout leaves Cgroup empty. If only a part could be read, it returns that part and an
// error.
func (r *Reader) Process(pid int32, layout cgroupfs.Layout) (Process, error) {
	p := Process{PID: pid}
	dir, err := r.Open(pid)
	if err != nil {
		return p, err
	}
	defer dir.Close()
	var space [pseudofs.SmallFile]byte
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
	if p.Namespaces, _, err = nsfs.ReadIDs(dir); err != nil {
		return p, err
	}
	if layout.Dir == "" {
		return p, nil
	}
	p.Cgroup, err = layout.ReadPath(dir, space[:])
	if errors.Is(err, cgroupfs.ErrOutsideMount) { // its path has no name here, so it is unknown; that is no failure
		err = nil
	}
	return p, err
}

// Open opens a process's directory.
func (r *Reader) Open(pid int32) (pseudofs.Dir, error) { return r.proc.OpenPID(pid) }

// Self returns nsviz's own PID in the procfs. It differs from os.Getpid's if the procfs belongs to another PID namespace.
func (r *Reader) Self() (int32, error) { return r.proc.Self() }

// Comm reads a process's name, which the process chooses: up to 15 bytes of anything but NUL.
func (r *Reader) Comm(pid int32) (string, error) {
	var space [pseudofs.SmallFile]byte
	data, err := pseudofs.ReadFile(r.proc.PID(pid)+"/comm", space[:])
	if err != nil {
		return "", err
	}
	if n := len(data); n > 0 && data[n-1] == '\n' { // only one: the comm itself may end with a newline
		data = data[:n-1]
	}
	return string(data), nil
}

// Exe reads the path of the program that a process runs, as its own mount namespace names it. The kernel appends " (deleted)" if
// the file is gone. Kernel threads run no program; for them Exe fails with fs.ErrNotExist.
func (r *Reader) Exe(pid int32) (string, error) {
	path := r.proc.PID(pid) + "/exe"
	target, err := os.Readlink(path)
	if err != nil {
		return "", pseudofs.PathError("readlink", path, errors.Unwrap(err))
	}
	return target, nil
}

// Program returns the name of the file that a process runs, without its folders. It returns "" if there is none, as for a zombie
// or a kernel thread, or if it may not be read. A file that was replaced by an update keeps its name.
func (r *Reader) Program(pid int32) string {
	var space [pseudofs.SmallFile]byte
	n, err := unix.Readlink(r.proc.PID(pid)+"/exe", space[:])
	if err != nil {
		return ""
	}
	exe := bytes.TrimSuffix(space[:n], []byte(" (deleted)"))
	return string(exe[bytes.LastIndexByte(exe, '/')+1:])
}

// Cmdline reads a process's command line. It fails with [ErrNoAnswer] if that takes too long.
func (r *Reader) Cmdline(pid int32) ([]byte, error) {
	dir, err := r.Open(pid)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return r.memory.read(dir, "cmdline")
}
