package nsfs

import (
	"bytes"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// PinKind is the way in which a process keeps a namespace alive that it is not in.
type PinKind uint8

// The kinds of pins.
const (
	PinFile     PinKind = iota // the process has it open
	PinThread                  // a thread other than the first one is in it
	PinChildren                // the next child will be in it
	PinMount                   // it is mounted in the process's mount namespace
	PinSocket                  // the process has a socket of it open
)

// Pin holds what keeps a namespace alive besides the processes in it, and the process that does so.
type Pin struct {
	Type event.NamespaceType
	ID   uint64
	Kind PinKind
	PID  int32
	// TID is the thread of a PinThread, or of a PinMount in a thread's own mount namespace; 0 is the first thread.
	TID int32
	// Point is where a PinMount is mounted, as the process sees it.
	Point string

	link   string // the path of a link to the namespace, below the process's directory; "" for a PinMount
	socket string // the text of a PinSocket's link, which cannot be followed
}

// SocketPin returns the pin of a net namespace by an open socket with a number inode. /proc does not show such a pin.
func SocketPin(netNamespace uint64, pid int32, fd uint32, inode uint64) Pin {
	return Pin{
		Type: event.Net, ID: netNamespace, Kind: PinSocket, PID: pid, link: fmt.Sprintf("fd/%d", fd), socket: fmt.Sprintf("socket:[%d]", inode),
	}
}

// Pins lists how a process pins the wanted namespaces: open files, threads, and namespaces for its children. One namespace may
// come several times.
func (r *Reader) Pins(pid int32, wanted func(event.NamespaceType, uint64) bool) ([]Pin, error) {
	dir, err := r.proc.OpenPID(pid)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	search := pinSearch{proc: r.proc, dir: dir, pid: pid, wanted: wanted}
	if err := search.readFiles(); err != nil {
		return nil, err
	}
	if err := search.readThreads(); err != nil {
		return nil, err
	}
	return search.found, nil
}

type pinSearch struct {
	proc   pseudofs.Proc
	dir    pseudofs.Dir // the process's
	pid    int32
	wanted func(event.NamespaceType, uint64) bool
	found  []Pin
}

func (s *pinSearch) readFiles() error {
	return s.dir.Each("fd", func(fds pseudofs.Dir, name string) {
		var space [64]byte
		n, err := unix.Readlinkat(fds.FD(), name, space[:])
		switch {
		case err != nil: // closed meanwhile
		case string(space[:n]) == "/":
			s.noteDetached(fds, name)
		default:
			s.note(space[:n], PinFile, 0, "fd/", name)
		}
	})
}

// noteDetached checks an open file whose link is "/". It may be a folder, or a namespace that was opened at a mount that is gone,
// as after `ip netns delete`. Its inode shows which, without opening it.
func (s *pinSearch) noteDetached(fds pseudofs.Dir, name string) {
	fd, err := pseudofs.Open(fds.FD(), name, unix.O_PATH)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	kind, id, ok := namespaceAt(s.proc, fd)
	if ok && s.wanted(kind, id) {
		s.found = append(s.found, Pin{Type: kind, ID: id, Kind: PinFile, PID: s.pid, link: "fd/" + name})
	}
}

// readThreads reads the namespaces of threads and of their future children. A thread can have other namespaces than the first one
// of its process; in Go programs that happens.
func (s *pinSearch) readThreads() error {
	first := strconv.Itoa(int(s.pid))
	return s.dir.Each("task", func(tasks pseudofs.Dir, name string) {
		tid, ok := pseudofs.ParsePID([]byte(name))
		if !ok {
			return
		}
		links, kind := childrensLinks[:], PinChildren
		for range 2 {
			for _, link := range links {
				var space [64]byte
				path := name + "/" + link
				n, err := unix.Readlinkat(tasks.FD(), path, space[:])
				if err == nil { // fails for types that the kernel lacks and threads that are gone
					s.note(space[:n], kind, tid, "task/", path)
				}
			}
			if name == first { // the namespaces of the first thread are no pins
				return
			}
			links, kind = namespaceLinks[:], PinThread
		}
	})
}

// childrensLinks holds links below /proc/PID, like namespaceLinks.
var childrensLinks = [...]string{"ns/pid_for_children", "ns/time_for_children"}

// AwaitsFirstChild reports whether a process has unshared a PID namespace that nothing has entered yet. procfs does not show its
// number anywhere: the link for children leads nowhere.
func (r *Reader) AwaitsFirstChild(pid int32) bool {
	dir, err := r.proc.OpenPID(pid)
	if err != nil {
		return false
	}
	defer dir.Close()
	awaits := false
	_ = dir.Each("task", func(tasks pseudofs.Dir, name string) { // a process or thread that is gone awaits none
		var space [64]byte
		_, err := unix.Readlinkat(tasks.FD(), name+"/ns/pid_for_children", space[:])
		_, gone := unix.Readlinkat(tasks.FD(), name+"/ns/pid", space[:])
		awaits = awaits || err == unix.ENOENT && gone == nil
	})
	return awaits
}

func (s *pinSearch) note(text []byte, kind PinKind, tid int32, links, name string) {
	// Most open files are something else, and creating errors for them would cost more than reading them.
	if !namesNamespaceType(text) {
		return
	}
	t, id, err := parseNamespaceLink(text)
	if err != nil || !s.wanted(t, id) {
		return
	}
	s.found = append(s.found, Pin{Type: t, ID: id, Kind: kind, PID: s.pid, TID: tid, link: links + name})
}

func namesNamespaceType(link []byte) bool {
	name, _, found := bytes.Cut(link, []byte(":["))
	if !found {
		return false
	}
	for _, t := range event.NamespaceTypes() {
		if string(name) == t.String() {
			return true
		}
	}
	return false
}

// MountPins lists the namespaces that are mounted in the mount namespace of a process, or of its thread tid if that is not 0, as
// far as the process's root shows them.
func (r *Reader) MountPins(pid, tid int32, wanted func(event.NamespaceType, uint64) bool) ([]Pin, error) {
	path := r.proc.PID(pid) + "/mountinfo"
	if tid != 0 {
		path = r.proc.PID(pid) + "/task/" + strconv.Itoa(int(tid)) + "/mountinfo"
	}
	mountinfo, err := pseudofs.ReadFile(path, nil)
	if err != nil {
		return nil, err
	}
	var found []Pin
	for _, m := range parseNamespaceMounts(mountinfo) {
		if wanted(m.Type, m.ID) {
			found = append(found, Pin{Type: m.Type, ID: m.ID, Kind: PinMount, PID: pid, TID: tid, Point: m.Point})
		}
	}
	return found, nil
}

// Pinned reports whether a pin still holds its namespace. It does not check a PinMount, which would take as long as
// [Reader.MountPins].
func (r *Reader) Pinned(p Pin) bool {
	if p.link == "" {
		return false
	}
	path := r.proc.PID(p.PID) + "/" + p.link
	var space [64]byte
	n, err := unix.Readlink(path, space[:])
	if err != nil {
		return false
	}
	if p.Kind == PinSocket {
		return string(space[:n]) == p.socket
	}
	if t, id, err := parseNamespaceLink(space[:n]); err == nil {
		return t == p.Type && id == p.ID
	}
	if string(space[:n]) != "/" {
		return false
	}
	fd, err := pseudofs.Open(unix.AT_FDCWD, path, unix.O_PATH)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	t, id, ok := namespaceAt(r.proc, fd)
	return ok && t == p.Type && id == p.ID
}

// PinRelations is [Reader.Relations] for a pinned namespace. It leaves out a PinMount, whose path may lead through a file system
// that hangs by its owner's will, and a PinSocket, which would have to be opened.
func (r *Reader) PinRelations(p Pin, known func(uint64) bool) ([]Relation, error) {
	if p.link == "" || p.Kind == PinSocket {
		return nil, fmt.Errorf("the relations of %s namespace %d: it is out of reach", p.Type, p.ID)
	}
	return namespaceRelations(r.proc.PID(p.PID)+"/"+p.link, p.Type, known)
}

// MountRelations is [Reader.Relations] for a namespace that is mounted in the host's mount namespace.
func (r *Reader) MountRelations(m Mount, known func(uint64) bool) ([]Relation, error) {
	for _, root := range []string{r.proc.File("1/root"), ""} {
		fd, err := pseudofs.Open(unix.AT_FDCWD, root+m.Point, unix.O_PATH|unix.O_NOFOLLOW)
		if err != nil {
			continue
		}
		defer unix.Close(fd)
		// Something else may be mounted over it, or nsviz may have a different file system there.
		if t, id, ok := namespaceAt(r.proc, fd); ok && t == m.Type && id == m.ID {
			return namespaceRelations(r.proc.File("self/fd/"+strconv.Itoa(fd)), t, known)
		}
	}
	return nil, fmt.Errorf("the relations of %s namespace %d: it cannot be reached at %s", m.Type, m.ID, m.Point)
}

// namespaceAt returns the namespace that fd, possibly an O_PATH, is open on, if any.
func namespaceAt(proc pseudofs.Proc, fd int) (event.NamespaceType, uint64, bool) {
	var stat unix.Statfs_t
	if err := unix.Fstatfs(fd, &stat); err != nil || stat.Type != unix.NSFS_MAGIC {
		return 0, 0, false
	}
	id, err := pseudofs.Inode(fd)
	if err != nil {
		return 0, 0, false
	}
	// It is a namespace, so opening it has no side effects.
	open, err := pseudofs.Open(unix.AT_FDCWD, proc.File("self/fd/"+strconv.Itoa(fd)), unix.O_RDONLY)
	if err != nil {
		return 0, 0, false
	}
	defer unix.Close(open)
	flag, err := unix.IoctlRetInt(open, unix.NS_GET_NSTYPE)
	if err != nil {
		return 0, 0, false
	}
	for t, is := range cloneFlags {
		if flag == is {
			return event.NamespaceType(t), id, true
		}
	}
	return 0, 0, false
}

// cloneFlags holds the kernel's flags for the types, in their order.
var cloneFlags = [event.NamespaceTypeCount]int{
	unix.CLONE_NEWNS, unix.CLONE_NEWPID, unix.CLONE_NEWNET, unix.CLONE_NEWIPC, unix.CLONE_NEWUTS, unix.CLONE_NEWUSER,
	unix.CLONE_NEWCGROUP, unix.CLONE_NEWTIME,
}
