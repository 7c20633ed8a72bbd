package nsfs

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Relation holds a namespace's Owner, a user namespace. For PID and user namespaces it also holds the Parent, in which it was
// made. An id is 0 if there is none or this process cannot see it: the kernel reveals nothing above the caller's own namespaces.
type Relation struct {
	Type          event.NamespaceType
	ID            uint64
	Owner, Parent uint64
}

// Relations returns the relations of the process's namespace of type t, which come first, then those of its owner and parent, and
// so on. It ends at known namespaces and at what the kernel does not reveal. Ancestors without a process are visible only this
// way.
func (r *Reader) Relations(pid int32, t event.NamespaceType, known func(uint64) bool) ([]Relation, error) {
	if int(t) >= len(namespaceLinks) {
		return nil, fmt.Errorf("no namespace type %d", t)
	}
	return namespaceRelations(r.proc.PID(pid)+"/"+namespaceLinks[t], t, known)
}

func namespaceRelations(path string, t event.NamespaceType, known func(uint64) bool) ([]Relation, error) {
	fd, err := pseudofs.Open(unix.AT_FDCWD, path, unix.O_RDONLY)
	if err != nil {
		return nil, pseudofs.PathError("open", path, err)
	}
	l := lineage{known: known}
	if err := l.climb(fd, t); err != nil {
		return nil, &fs.PathError{Op: "get the owner and the parent of", Path: path, Err: err}
	}
	return l.found, nil
}

// lineage climbs from a namespace to its ancestors. That ends, since the kernel nests PID and user namespaces at most 32 deep.
type lineage struct {
	known func(uint64) bool
	found []Relation
}

// climb notes the namespace that fd is open on and then its ancestors, and closes fd.
func (l *lineage) climb(fd int, t event.NamespaceType) error {
	defer unix.Close(fd)
	id, err := pseudofs.Inode(fd)
	if err != nil {
		return err
	}
	owner, ownerID, err := relatedNamespace(fd, unix.NS_GET_USERNS)
	if err != nil {
		return err
	}
	at := len(l.found)
	l.found = append(l.found, Relation{Type: t, ID: id, Owner: ownerID})
	if err := l.next(owner, ownerID, event.User); err != nil {
		return err
	}
	switch t {
	case event.User: // its parent owns it
		l.found[at].Parent = ownerID
	case event.PID:
		parent, parentID, err := relatedNamespace(fd, unix.NS_GET_PARENT)
		if err != nil {
			return err
		}
		l.found[at].Parent = parentID
		return l.next(parent, parentID, event.PID)
	}
	return nil
}

// next climbs on, unless there is nothing above or it is known.
func (l *lineage) next(fd int, id uint64, t event.NamespaceType) error {
	if id == 0 {
		return nil
	}
	if l.has(id) || l.known(id) {
		_ = unix.Close(fd)
		return nil
	}
	return l.climb(fd, t)
}

func (l *lineage) has(id uint64) bool {
	for i := range l.found {
		if l.found[i].ID == id {
			return true
		}
	}
	return false
}

// relatedNamespace runs one of the ioctls of ioctl_ns(2). It returns the namespace that the ioctl opens, with its id; 0 if it is
// out of scope (EPERM).
func relatedNamespace(fd int, request uint) (related int, id uint64, err error) {
	related, err = unix.IoctlRetInt(fd, request)
	if errors.Is(err, unix.EPERM) {
		return -1, 0, nil
	}
	if err != nil {
		return -1, 0, err
	}
	if id, err = pseudofs.Inode(related); err != nil {
		_ = unix.Close(related)
		return -1, 0, err
	}
	return related, id, nil
}

// OwnerUID returns the host's id of the user who made the process's user namespace.
func (r *Reader) OwnerUID(pid int32) (uint32, error) {
	path := r.proc.PID(pid) + "/" + namespaceLinks[event.User]
	fd, err := pseudofs.Open(unix.AT_FDCWD, path, unix.O_RDONLY)
	if err != nil {
		return 0, pseudofs.PathError("open", path, err)
	}
	defer unix.Close(fd)
	uid, err := unix.IoctlGetUint32(fd, unix.NS_GET_OWNER_UID)
	if err != nil {
		return 0, &fs.PathError{Op: "get the owner of", Path: path, Err: err}
	}
	return uid, nil
}

// OutermostOwnerUID returns the host's id of the user who made the outermost user namespace around a process, directly below that with the
// id host. It fails if there is none.
func (r *Reader) OutermostOwnerUID(pid int32, host uint64) (uint32, error) {
	path := r.proc.PID(pid) + "/" + namespaceLinks[event.User]
	fd, err := pseudofs.Open(unix.AT_FDCWD, path, unix.O_RDONLY)
	if err != nil {
		return 0, pseudofs.PathError("open", path, err)
	}
	for { // the kernel nests them at most 32 deep
		parent, id, err := relatedNamespace(fd, unix.NS_GET_PARENT)
		if err == nil && id == 0 {
			err = unix.EPERM // it is out of scope
		}
		var uid uint32
		if err == nil && id == host {
			uid, err = unix.IoctlGetUint32(fd, unix.NS_GET_OWNER_UID)
		}
		_ = unix.Close(fd)
		if err == nil && id != host {
			fd = parent
			continue
		}
		if parent >= 0 {
			_ = unix.Close(parent)
		}
		if err != nil {
			return 0, &fs.PathError{Op: "get the owner of", Path: path, Err: err}
		}
		return uid, nil
	}
}
