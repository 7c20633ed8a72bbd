package hostfs

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// CgroupWrite is that somebody wrote to a file of a cgroup. What is in the file now need not be different.
type CgroupWrite struct {
	// Path is that of the cgroup in the hierarchy that it is in, which the tracked one need not be: engines
	// give a cgroup the same path in all of them.
	Path string
	// Moved is set where a process was moved into the cgroup; else one of its limits was written: on memory,
	// on CPU time or on processes.
	Moved bool
	// PID is the process that wrote, as procfs counts; 0 is unknown.
	PID int32
}

// CgroupWrites tells of every write to the limits of cgroups, and who it was, as the kernel's fanotify does: it
// asks for nothing again and again. What the kernel could not queue (16,384 different writes) is lost.
type CgroupWrites struct {
	f           *FS
	file        *os.File
	hierarchies []writtenHierarchy
	samePIDs    bool
	buf         []byte
}

type writtenHierarchy struct {
	Layout

	device uint64
	files  map[string]bool // by name; true is one by which processes are moved
}

// WatchCgroupWrites begins to watch. It takes root, and a kernel with fanotify: that of Linux 4.20 or later.
func (f *FS) WatchCgroupWrites(tracked Layout) (*CgroupWrites, error) {
	w := &CgroupWrites{f: f, buf: make([]byte, 64*unsafe.Sizeof(unix.FanotifyEventMetadata{}))}
	self, err := f.Self()
	if err != nil {
		return nil, err
	}
	w.samePIDs = int(self) == os.Getpid()
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("fanotify_init", err)
	}
	w.file = os.NewFile(uintptr(fd), "fanotify")
	for controller, layout := range hierarchiesWritten(tracked) {
		h := writtenHierarchy{Layout: layout, files: filesWritten(controller)}
		if controller == tracked.Controller {
			h.files["cgroup.procs"] = true
		}
		stat, err := lstat(layout.Dir)
		if err == nil {
			err = os.NewSyscallError("fanotify_mark", unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_FILESYSTEM, unix.FAN_MODIFY,
				unix.AT_FDCWD, layout.Dir))
		}
		if err != nil {
			w.Close()
			return nil, fmt.Errorf("watch %s: %w", layout.Dir, err)
		}
		h.device = stat.Dev
		w.hierarchies = append(w.hierarchies, h)
	}
	return w, nil
}

// hierarchiesWritten are those that have the limits, by controller; "" is the unified one.
func hierarchiesWritten(tracked Layout) map[string]Layout {
	list := map[string]Layout{tracked.Controller: tracked}
	for _, controller := range []string{"cpu", "pids", ""} {
		if other, found := tracked.Others[controller]; found {
			list[controller] = other
		}
	}
	return list
}

// filesWritten are the files of limits in the hierarchy of a controller. On v1 controllers may share one.
func filesWritten(controller string) map[string]bool {
	if controller == "" {
		return map[string]bool{"memory.max": false, "cpu.max": false, "pids.max": false}
	}
	return map[string]bool{
		"memory.limit_in_bytes": false, "cpu.cfs_quota_us": false, "cpu.cfs_period_us": false, "pids.max": false,
	}
}

// Close ends the watch, and a Next that waits.
func (w *CgroupWrites) Close() { _ = w.file.Close() }

// tolerated is how many failed readings in a row are taken for what happened to the files written to.
const tolerated = 1000

// Next waits for writes and returns those that there are, in their order, what is the same once, and whether others
// were lost. Writes to a cgroup that is gone by now are left out. After Close it fails with os.ErrClosed.
func (w *CgroupWrites) Next() (list []CgroupWrite, lost bool, err error) {
	for failures := 0; ; {
		n, err := w.file.Read(w.buf)
		switch {
		case err == nil:
		case errors.Is(err, os.ErrClosed) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EBADF) || failures == tolerated:
			return nil, false, err
		default:
			// The kernel opens the file for the reader and fails with what that failed with, ENODEV for that
			// of a cgroup removed meanwhile, and has taken the event from the queue (fanotify_read).
			failures++
			continue
		}
		if list, lost = w.decode(w.buf[:n]); lost || len(list) > 0 {
			return list, lost, nil
		}
		failures = 0
	}
}

func (w *CgroupWrites) decode(events []byte) (list []CgroupWrite, lost bool) {
	const size = int(unsafe.Sizeof(unix.FanotifyEventMetadata{}))
	seen := map[CgroupWrite]bool{}
	for len(events) >= size {
		e := *(*unix.FanotifyEventMetadata)(unsafe.Pointer(unsafe.SliceData(events)))
		if int(e.Event_len) < size || int(e.Event_len) > len(events) {
			break
		}
		events = events[e.Event_len:]
		if e.Fd < 0 {
			lost = lost || e.Mask&unix.FAN_Q_OVERFLOW != 0
			continue
		}
		write, ok := w.about(int(e.Fd), e.Pid)
		_ = unix.Close(int(e.Fd))
		if ok && !seen[write] {
			seen[write] = true
			list = append(list, write)
		}
	}
	return list, lost
}

// about finds out which cgroup's file is open, and whether it is one that counts.
func (w *CgroupWrites) about(fd int, pid int32) (CgroupWrite, bool) {
	link, err := os.Readlink(w.f.procFile("self/fd/" + strconv.Itoa(fd)))
	if err != nil {
		return CgroupWrite{}, false
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return CgroupWrite{}, false
	}
	for i := range w.hierarchies {
		h := &w.hierarchies[i]
		moved, counts := h.files[path.Base(link)]
		if h.device != stat.Dev || !counts {
			continue
		}
		write := CgroupWrite{Moved: moved}
		if w.samePIDs {
			write.PID = pid
		}
		var ok bool
		if write.Path, ok = w.cgroupOf(h, link, stat.Ino, write.PID); ok {
			return write, true
		}
	}
	return CgroupWrite{}, false
}

// cgroupOf is the cgroup that has the file. link is its path as the one has it who wrote to it: in a container
// the hierarchy may be mounted elsewhere, and no more of it than the container's own cgroup.
func (w *CgroupWrites) cgroupOf(h *writtenHierarchy, link string, inode uint64, pid int32) (string, bool) {
	is := func(cgroup string) bool {
		dir, err := h.directory(cgroup)
		if err != nil {
			return false
		}
		stat, err := lstat(dir + "/" + path.Base(link))
		return err == nil && stat.Ino == inode && stat.Dev == h.device
	}
	if rest, below := cutPathPrefix(path.Dir(link), h.Dir); below {
		if cgroup := path.Join(h.top(), rest); is(cgroup) {
			return cgroup, true
		}
	}
	if pid == 0 {
		return "", false
	}
	own, err := w.f.CgroupPath(pid, h.Layout)
	if err != nil {
		return "", false
	}
	// The cgroup mounted there is the writer's own or one above it; what of the link lies behind the place of
	// the mount is not told, so all is tried.
	for above := own; ; above = path.Dir(above) {
		for rest := path.Dir(link); ; {
			if cgroup := path.Join(above, rest); is(cgroup) {
				return cgroup, true
			}
			if rest == "/" {
				break
			}
			_, rest, _ = strings.Cut(rest[1:], "/")
			rest = "/" + rest
		}
		if above == "/" {
			return "", false
		}
	}
}
