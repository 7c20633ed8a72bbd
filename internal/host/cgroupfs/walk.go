package cgroupfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Cgroup is one control group of the tracked hierarchy.
type Cgroup struct {
	Path string
	// ID is the kernel's id of the cgroup: the inode number of its directory.
	ID uint64
}

// Walk calls visit for every cgroup that Dir shows, parents before children, beginning with the root. It leaves out cgroups that
// vanish meanwhile. If visit returns fs.SkipDir, Walk skips what is below; any other error ends the walk and is returned. Walk
// continues after a cgroup that cannot be read, and returns the first such error at the end.
func (l Layout) Walk(visit func(Cgroup) error) error {
	dir, err := l.Directory(l.Top())
	if err != nil {
		return fmt.Errorf("walk the cgroups: %w", err)
	}
	if _, err := pseudofs.Lstat(dir); err != nil {
		return fmt.Errorf("walk the cgroups: %w", err)
	}
	w := walker{visit: func(c Cgroup, _ string) error { return visit(c) }}
	if err := w.walk(l.Top(), dir); err != nil {
		return err
	}
	if w.failed != nil {
		return fmt.Errorf("walk the cgroups: %w", w.failed)
	}
	return nil
}

// WalkTree is [Layout.Walk] for the cgroup at path and all below it; visit also gets the directory of each.
func (l Layout) WalkTree(path string, visit func(c Cgroup, dir string) error) error {
	dir, err := l.Directory(path)
	if err != nil {
		return err
	}
	w := walker{visit: visit}
	if err := w.walk(path, dir); err != nil {
		return err
	}
	return w.failed
}

// Procs lists the processes in the cgroup at path itself, in ascending order. It leaves out those of PID namespaces that nsviz
// cannot see into: they have no PID for it.
func (l Layout) Procs(path string) ([]int32, error) {
	dir, err := l.Directory(path)
	if err != nil {
		return nil, err
	}
	pids, err := appendProcs(nil, dir)
	return sortedPIDs(pids), err
}

// TreeProcs lists the processes in the cgroup at path and in all below it, in ascending order.
func (l Layout) TreeProcs(path string) ([]int32, error) {
	dir, err := l.Directory(path)
	if err != nil {
		return nil, err
	}
	pids, err := appendProcs(nil, dir)
	if err != nil {
		return nil, err
	}
	w := walker{visit: func(c Cgroup, below string) error {
		if below == dir {
			return nil
		}
		more, err := appendProcs(pids, below)
		if pseudofs.IsGone(err) {
			return nil
		}
		pids = more
		return err
	}}
	if err := w.walk(path, dir); err != nil {
		return nil, err
	}
	return sortedPIDs(pids), w.failed
}

// ProcsElsewhere lists, in ascending order, the processes in the cgroup at path, or below it, in all hierarchies except the
// tracked one: engines give a cgroup the same path in all of them. On cgroup v2 there are none. What cannot be read is left out.
func (l Layout) ProcsElsewhere(path string) []int32 {
	var pids []int32
	for _, other := range l.Others {
		procs, err := other.TreeProcs(path)
		if err == nil {
			pids = append(pids, procs...)
		}
	}
	return sortedPIDs(pids)
}

// walker goes through a tree of cgroups.
type walker struct {
	visit  func(c Cgroup, dir string) error
	failed error // the first cgroup that could not be read
}

// walk visits the cgroup at path, whose files are in dir, and all below it. It returns only errors of visit.
func (w *walker) walk(path, dir string) error {
	stat, err := pseudofs.Lstat(dir)
	if err != nil {
		w.note(err)
		return nil
	}
	err = w.visit(Cgroup{Path: path, ID: stat.Ino}, dir)
	if err == fs.SkipDir {
		return nil
	}
	if err != nil {
		return err
	}
	// A directory's links are its name, its "." and the ".." of each directory in it. With two links it is a leaf, as most
	// cgroups are, and need not be read. (Some file systems always report one.)
	if stat.Nlink == 2 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		w.note(err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := w.walk(strings.TrimSuffix(path, "/")+"/"+entry.Name(), dir+"/"+entry.Name()); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) note(err error) {
	if w.failed == nil && !pseudofs.IsGone(err) && !errors.Is(err, unix.ENODEV) {
		w.failed = err
	}
}

// appendProcs reads cgroup.procs in dir.
func appendProcs(pids []int32, dir string) ([]int32, error) {
	var space [pseudofs.SmallFile]byte
	data, err := pseudofs.ReadFile(dir+"/cgroup.procs", space[:])
	if errors.Is(err, unix.EOPNOTSUPP) {
		return pids, nil // a threaded cgroup: its processes are in the domain above it
	}
	if err != nil {
		return pids, err
	}
	return appendPIDs(pids, data), nil
}

// appendPIDs parses the contents of cgroup.procs.
func appendPIDs(pids []int32, data []byte) []int32 {
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		if pid, ok := pseudofs.ParsePID(line); ok { // "0" is a process of a PID namespace out of sight
			pids = append(pids, pid)
		}
	}
	return pids
}

// sortedPIDs sorts the list and removes duplicates; cgroup v1 guarantees neither.
func sortedPIDs(pids []int32) []int32 {
	slices.Sort(pids)
	return slices.Compact(pids)
}
