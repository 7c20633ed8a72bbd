package cgroupfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Change is a set of the kinds of change that a write to a cgroup's file can make.
type Change uint8

// The kinds of change.
const (
	MemoryLimit Change = 1 << iota
	SwapLimit
	CPULimit
	PIDsLimit
	Membership // a process was moved into the cgroup
	Freezer    // its processes were stopped, or let go on
)

// Write reports a write to a file of a cgroup. The new value may equal the old one.
type Write struct {
	// Path is that of the cgroup in the hierarchy of the file, which may not be the tracked one: engines give a cgroup the same
	// path in all of them.
	Path string
	// Changes is what the file sets: limits, Membership or Freezer.
	Changes Change
	// PID is the process that wrote, by its number in procfs; 0 is unknown.
	PID int32
}

// Writes reports every write to the limits and freezers of cgroups and who wrote. It uses the kernel's fanotify instead of polling. What the
// kernel could not queue (16,384 different writes) is lost.
//
// If the cgroup file systems have file handles (since Linux 6.6), an event holds the handle of the cgroup's directory and the
// file's name. Otherwise the kernel opens the file for the reader, which has to find the cgroup by the file's path as the writer
// sees it.
type Writes struct {
	r           *Reader
	file        *os.File
	conn        syscall.RawConn
	hierarchies []writtenHierarchy
	byHandle    bool
	noHandles   error
	samePIDs    bool
	closed      atomic.Bool
	buf         []byte
	// mostGone is how many events about removed files are skipped before Next returns, so that its caller can pause.
	mostGone int
}

type writtenHierarchy struct {
	Layout

	device uint64
	fsid   unix.Fsid
	files  map[string]Change // by name
}

// WatchWrites begins to watch. It requires root and fanotify as in Linux 4.20 or later.
func (r *Reader) WatchWrites(tracked Layout) (*Writes, error) {
	w, noHandles := r.watchWrites(tracked, true)
	if noHandles == nil {
		return w, nil
	}
	w, err := r.watchWrites(tracked, false)
	if err != nil {
		return nil, err
	}
	w.noHandles = noHandles
	return w, nil
}

func (r *Reader) watchWrites(tracked Layout, byHandle bool) (*Writes, error) {
	self, err := r.proc.Self()
	if err != nil {
		return nil, err
	}
	flags := uint(unix.FAN_CLASS_NOTIF | unix.FAN_CLOEXEC | unix.FAN_NONBLOCK)
	if byHandle {
		flags |= unix.FAN_REPORT_DFID_NAME
	}
	fd, err := unix.FanotifyInit(flags, unix.O_RDONLY|unix.O_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("fanotify_init", err)
	}
	w := &Writes{r: r, file: os.NewFile(uintptr(fd), "fanotify"), byHandle: byHandle, samePIDs: int(self) == os.Getpid(), mostGone: mostGone}
	// Without handles each event is an open file; with them it has a name of up to 255 bytes.
	size := 64 * sizeofFanotifyEvent
	if byHandle {
		size = 16 << 10
	}
	w.buf = make([]byte, size)
	if w.conn, err = w.file.SyscallConn(); err == nil {
		err = w.mark(fd, tracked)
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// mark adds the file systems of the hierarchies to the watch.
func (w *Writes) mark(fd int, tracked Layout) error {
	for controller, layout := range hierarchiesWritten(tracked) {
		h := writtenHierarchy{Layout: layout, files: filesWritten(controller)}
		if controller == tracked.Controller {
			h.files["cgroup.procs"] = Membership
			if controller != "" {
				h.files["tasks"] = Membership
			}
		}
		stat, err := pseudofs.Lstat(layout.Dir)
		if err == nil && w.byHandle {
			h.fsid, err = handlesOf(layout.Dir)
		}
		if err == nil {
			err = os.NewSyscallError("fanotify_mark", unix.FanotifyMark(fd, unix.FAN_MARK_ADD|unix.FAN_MARK_FILESYSTEM, unix.FAN_MODIFY,
				unix.AT_FDCWD, layout.Dir))
		}
		if err != nil {
			return fmt.Errorf("watch %s: %w", layout.Dir, err)
		}
		h.device = stat.Dev
		w.hierarchies = append(w.hierarchies, h)
	}
	return nil
}

// handlesOf tries whether folders of the file system at dir can be opened by their handles, and returns the file system's number.
// That requires CAP_DAC_READ_SEARCH.
func handlesOf(dir string) (unix.Fsid, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return unix.Fsid{}, pseudofs.PathError("statfs", dir, err)
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, dir, 0)
	if err != nil {
		return unix.Fsid{}, pseudofs.PathError("name_to_handle_at", dir, err)
	}
	fd, err := openByHandle(dir, handle)
	if err != nil {
		return unix.Fsid{}, pseudofs.PathError("open_by_handle_at", dir, err)
	}
	_ = unix.Close(fd)
	return stat.Fsid, nil
}

func openByHandle(mount string, handle unix.FileHandle) (int, error) {
	dir, err := pseudofs.Open(unix.AT_FDCWD, mount, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	return unix.OpenByHandleAt(dir, handle, unix.O_PATH|unix.O_CLOEXEC)
}

// WithoutHandles returns why events lack the handle of the cgroup's directory, nil if they have it.
func (w *Writes) WithoutHandles() error { return w.noHandles }

// hierarchiesWritten returns the hierarchies with the limits and the freezer, by controller; "" is the unified one.
func hierarchiesWritten(tracked Layout) map[string]Layout {
	list := map[string]Layout{tracked.Controller: tracked}
	for _, controller := range []string{"cpu", "pids", "freezer", ""} {
		if other, found := tracked.Others[controller]; found {
			list[controller] = other
		}
	}
	return list
}

// filesWritten returns the files with limits and of the freezer in the hierarchy of a controller. On v1, controllers may share one.
func filesWritten(controller string) map[string]Change {
	if controller == "" {
		return map[string]Change{
			"memory.max": MemoryLimit, "memory.swap.max": SwapLimit, "cpu.max": CPULimit, "pids.max": PIDsLimit,
			"cgroup.freeze": Freezer,
		}
	}
	return map[string]Change{
		// The limit of swap is that of both minus that of memory.
		"memory.limit_in_bytes": MemoryLimit | SwapLimit, "memory.memsw.limit_in_bytes": SwapLimit,
		"cpu.cfs_quota_us": CPULimit, "cpu.cfs_period_us": CPULimit, "pids.max": PIDsLimit,
		"freezer.state": Freezer,
	}
}

// Close ends the watch, and a Next that waits.
func (w *Writes) Close() {
	w.closed.Store(true)
	_ = w.file.Close() // nothing was written to it
}

// Next waits for writes. It returns those that there are, in order and without repetitions, and whether others were lost. It
// leaves out writes to a cgroup that is gone by now, so the list may be empty. After Close it fails with os.ErrClosed; after any
// other error the watch cannot be used any more.
func (w *Writes) Next() (list []Write, lost bool, err error) { return w.next(true) }

// Pending is Next without waiting: it returns what has been written since.
func (w *Writes) Pending() (list []Write, lost bool, err error) { return w.next(false) }

// mostGone is the value of Writes.mostGone outside of tests.
const mostGone = 1024

func (w *Writes) next(wait bool) ([]Write, bool, error) {
	for range w.mostGone {
		n, err := w.read(wait)
		switch {
		case err == unix.EAGAIN:
			return nil, false, nil
		case err == unix.ENODEV:
			// The kernel opens the file for the reader, which fails if the cgroup has been removed. By then it has removed the
			// event from the queue (fanotify_read), so this loop ends, however many there are.
			continue
		case err != nil:
			return nil, false, err
		}
		if list, lost := w.decode(w.buf[:n]); lost || len(list) > 0 || !wait {
			return list, lost, nil
		}
	}
	return nil, false, nil
}

// read reads events once. Without wait it fails with EAGAIN if there are none.
func (w *Writes) read(wait bool) (n int, err error) {
	failed := w.conn.Read(func(fd uintptr) bool {
		for {
			n, err = unix.Read(int(fd), w.buf)
			if err != unix.EINTR {
				return !wait || err != unix.EAGAIN
			}
		}
	})
	switch {
	case w.closed.Load():
		return 0, os.ErrClosed
	case failed != nil:
		return 0, failed
	case err == unix.EAGAIN || err == unix.ENODEV:
		return 0, err
	}
	return n, os.NewSyscallError("read", err)
}

const sizeofFanotifyEvent = int(unsafe.Sizeof(unix.FanotifyEventMetadata{}))

func (w *Writes) decode(events []byte) (list []Write, lost bool) {
	seen := map[Write]bool{}
	for len(events) >= sizeofFanotifyEvent {
		var e unix.FanotifyEventMetadata
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&e)), sizeofFanotifyEvent), events)
		if int(e.Event_len) < sizeofFanotifyEvent || int(e.Event_len) > len(events) {
			break
		}
		details := events[sizeofFanotifyEvent:e.Event_len]
		events = events[e.Event_len:]
		if !w.samePIDs {
			e.Pid = 0
		}
		var write Write
		ok := false
		switch {
		case e.Mask&unix.FAN_Q_OVERFLOW != 0:
			lost = true
		case e.Fd >= 0:
			write, ok = w.about(int(e.Fd), e.Pid)
			_ = unix.Close(int(e.Fd))
		case w.byHandle:
			var failed error
			write, ok, failed = w.named(details, e.Pid)
			lost = lost || failed != nil
		}
		if ok && !seen[write] {
			seen[write] = true
			list = append(list, write)
		}
	}
	return list, lost
}

// named handles an event with the directory's handle and the file's name. It returns the write, and whether its file counts. It
// fails if the handle could not be looked up, but not if the cgroup is gone.
func (w *Writes) named(details []byte, pid int32) (_ Write, ok bool, _ error) {
	fsid, handle, name, ok := parseNamedEvent(details)
	if !ok {
		return Write{}, false, nil
	}
	for i := range w.hierarchies {
		h := &w.hierarchies[i]
		changes, counts := h.files[name]
		if h.fsid != fsid || !counts {
			continue
		}
		fd, err := openByHandle(h.Dir, handle)
		switch {
		case err == unix.ESTALE:
			return Write{}, false, nil // the cgroup is gone
		case err != nil:
			return Write{}, false, pseudofs.PathError("open_by_handle_at", h.Dir, err)
		}
		dir, err := os.Readlink(w.r.proc.File("self/fd/" + strconv.Itoa(fd)))
		_ = unix.Close(fd)
		if err != nil {
			return Write{}, false, err
		}
		// A cgroup in a part of the hierarchy that is not mounted here is out of sight.
		below, found := CutPath(dir, h.Dir)
		return Write{Path: path.Join(h.Top(), below), Changes: changes, PID: pid}, found, nil
	}
	return Write{}, false, nil
}

// parseNamedEvent parses what follows an event's metadata (struct fanotify_event_info_fid in include/uapi/linux/fanotify.h): a
// type, the length, the file system's number, a file handle and a name.
func parseNamedEvent(details []byte) (fsid unix.Fsid, handle unix.FileHandle, name string, ok bool) {
	const headSize, fixedSize = 4, 8 + 4 + 4
	for len(details) >= headSize {
		length := int(binary.NativeEndian.Uint16(details[2:]))
		if length < headSize || length > len(details) {
			break
		}
		typ, info := details[0], details[headSize:length]
		details = details[length:]
		if typ != unix.FAN_EVENT_INFO_TYPE_DFID_NAME || len(info) < fixedSize {
			continue
		}
		for i := range fsid.Val {
			fsid.Val[i] = int32(binary.NativeEndian.Uint32(info[4*i:]))
		}
		size, kind, rest := binary.NativeEndian.Uint32(info[8:]), int32(binary.NativeEndian.Uint32(info[12:])), info[16:]
		if uint64(size) > uint64(len(rest)) {
			break
		}
		handle = unix.NewFileHandle(kind, rest[:size])
		text, _, ended := bytes.Cut(rest[size:], []byte{0})
		return fsid, handle, string(text), ended
	}
	return unix.Fsid{}, unix.FileHandle{}, "", false
}

// about returns the write to an open file, and whether that file counts.
func (w *Writes) about(fd int, pid int32) (Write, bool) {
	link, err := os.Readlink(w.r.proc.File("self/fd/" + strconv.Itoa(fd)))
	if err != nil {
		return Write{}, false
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return Write{}, false
	}
	for i := range w.hierarchies {
		h := &w.hierarchies[i]
		changes, counts := h.files[path.Base(link)]
		if h.device != stat.Dev || !counts {
			continue
		}
		write := Write{Changes: changes, PID: pid}
		var ok bool
		if write.Path, ok = w.cgroupOf(h, link, stat.Ino, write.PID); ok {
			return write, true
		}
	}
	return Write{}, false
}

// cgroupOf returns the cgroup that has the file. link is the file's path as the writer sees it: in a container the hierarchy may
// be mounted elsewhere, with only the container's own cgroup in it.
func (w *Writes) cgroupOf(h *writtenHierarchy, link string, inode uint64, pid int32) (string, bool) {
	is := func(cgroup string) bool {
		dir, err := h.Directory(cgroup)
		if err != nil {
			return false
		}
		stat, err := pseudofs.Lstat(dir + "/" + path.Base(link))
		return err == nil && stat.Ino == inode && stat.Dev == h.device
	}
	if rest, below := CutPath(path.Dir(link), h.Dir); below {
		if cgroup := path.Join(h.Top(), rest); is(cgroup) {
			return cgroup, true
		}
	}
	if pid == 0 {
		return "", false
	}
	own, err := w.r.PathOf(pid, h.Layout)
	if err != nil {
		return "", false
	}
	// The cgroup that is mounted there is the writer's own or one above it. Which part of link follows the mount point is
	// unknown, so all are tried.
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
