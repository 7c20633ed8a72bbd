package find

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/enginefiles"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/procfs"
)

// hostState is what is read of the host once for all containers that are described.
type hostState struct {
	boot   time.Time                // when the host was booted, by the wall clock as it is now; zero is unknown
	mounts func() []mountinfo.Mount // nil is unknown
}

func (f *Finder) readHost() hostState {
	host, err := f.cfg.Machine.Read()
	if err != nil {
		f.cfg.Log.Debug("boot time", "error", err)
	}
	return hostState{host.BootTime, sync.OnceValue(f.hostMounts)}
}

// madeNS returns when a process was made, since boot in nanoseconds, to procfs.ClockTick.
func madeNS(proc procfs.Process) uint64 { return proc.StartTime * uint64(procfs.ClockTick) }

// started returns when a process was made; zero is unknown.
func (h hostState) started(proc procfs.Process) time.Time {
	if h.boot.IsZero() {
		return time.Time{}
	}
	return h.boot.Add(time.Duration(proc.StartTime) * procfs.ClockTick)
}

// newContainer returns a container of which nothing but its own cgroup is known.
func newContainer(root Cgroup) *Container {
	return &Container{Ref: root.Ref, Found: fact.Found{Container: event.Container{ID: root.Ref.ID}, CgroupPath: root.Path}}
}

// container describes the container whose own cgroup is root; nil where it is gone, or has no processes: none yet, or
// none any more, when whoever made the cgroup has left it behind.
func (f *Finder) container(root Cgroup, host hostState) (*Container, error) {
	c := newContainer(root)
	procs, err := f.cfg.Layout.TreeProcs(root.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("processes of %s: %w", root.Path, err)
	}
	if !f.cfg.HostPIDs { // its processes are not to be seen, on cgroup v1 not even that there are some
		return c, nil
	}
	init, ok := f.init(procs)
	if !ok || !isFirst(init) {
		if other, outside := f.initElsewhere(root.Path, init); outside && (!ok || before(other, init)) {
			init, ok = other, true
			c.Unheld = &fact.Unheld{Cgroup: other.Cgroup}
		}
	}
	switch {
	case ok:
	case len(procs) == 0:
		return nil, nil
	default:
		c.Starting = true
		return c, nil
	}
	f.describe(c, init, host)
	return c, nil
}

// describe sets what a container's PID 1 says of it.
func (f *Finder) describe(c *Container, init procfs.Process, host hostState) {
	c.InitPID, c.InitComm, c.Namespaces, c.Started = init.PID, init.Comm, init.Namespaces, host.started(init)
	c.MadeNS, c.Seen = madeNS(init), f.cfg.Now()
	mounts, err := f.cfg.Mounts.Of(init.PID)
	if err != nil { // it is gone, which an event reports as its end
		return
	}
	for t, id := range enginefiles.MadeFor(mounts, host.mounts()) {
		if c.MadeFor == nil {
			c.MadeFor = map[event.NamespaceType]event.Container{}
		}
		c.MadeFor[t] = event.Container{ID: id}
	}
}

// hostMounts are the host's mounts; nil is unknown.
func (f *Finder) hostMounts() []mountinfo.Mount {
	mounts, err := f.cfg.Mounts.OfHost()
	if err != nil {
		f.cfg.Log.Debug("for whom namespaces were made", "error", err)
	}
	return mounts
}

// init picks the container's first process among those of its cgroup: the one that is PID 1 in the
// outermost of its own PID namespaces, or where it has none of its own, the one that started first.
// It reports false while there are only processes of the runtime.
func (f *Finder) init(procs []int32) (procfs.Process, bool) {
	var best procfs.Process
	ok := false
	ofNsviz := slices.Contains(procs, f.cfg.Self)
	for _, pid := range procs {
		proc, err := f.cfg.Proc.Process(pid, f.cfg.Layout)
		if err != nil || f.ofRuntime(proc, ofNsviz) {
			continue
		}
		if !ok || before(proc, best) {
			best, ok = proc, true
		}
	}
	return best, ok
}

func before(a, b procfs.Process) bool {
	aFirst, bFirst := isFirst(a), isFirst(b)
	switch {
	case aFirst != bFirst:
		return aFirst
	case aFirst && len(a.NSPID) != len(b.NSPID):
		return len(a.NSPID) < len(b.NSPID)
	case a.StartTime != b.StartTime:
		return a.StartTime < b.StartTime
	}
	return a.PID < b.PID
}

func isFirst(p procfs.Process) bool {
	return len(p.NSPID) > 1 && p.NSPID[len(p.NSPID)-1] == 1
}

// ofRuntime reports whether a process is the runtime's own, in the container's cgroup but before the
// container's program: runc calls itself runc:[2:INIT] there, crun crun. Before it has given itself that name it
// has the one of the file that it was started from, and the mount namespace of nsviz, as the probes have it. In the container of nsviz itself,
// which ofNsviz is for, all have that, and with the host's PID namespace none is a PID 1.
func (f *Finder) ofRuntime(proc procfs.Process, ofNsviz bool) bool {
	return runtime.SetsUp(proc.Comm) || !ofNsviz && proc.Namespaces[event.Mnt] == f.cfg.OwnMnt && !isFirst(proc)
}
