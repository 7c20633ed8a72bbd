package nsfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Reader reads the namespaces of a procfs. It is safe for concurrent use.
type Reader struct{ proc pseudofs.Proc }

// New returns a reader of the namespaces in proc.
func New(proc pseudofs.Proc) *Reader { return &Reader{proc} }

// Of reads the ids of the namespaces that a process is in. An id is 0 if the kernel refuses to reveal it (other users' processes
// without CAP_SYS_PTRACE, or a host that is locked down) or has no such type. Most ids of a zombie are 0, too: it has left its
// namespaces.
func (r *Reader) Of(pid int32) (event.NamespaceIDs, error) {
	return r.namespacesIn(r.proc.PID(pid))
}

// Visible is [Reader.Of] with the reason for missing ids. refused is set if the kernel does not reveal a process's namespaces, or
// /proc hides the contents of the process's directory (hidepid=1).
func (r *Reader) Visible(pid int32) (ids event.NamespaceIDs, refused bool, err error) {
	dir, err := r.proc.OpenPID(pid)
	if errors.Is(err, fs.ErrPermission) {
		return event.NamespaceIDs{}, true, nil
	}
	if err != nil {
		return event.NamespaceIDs{}, false, err
	}
	defer dir.Close()
	return ReadIDs(dir)
}

func (r *Reader) namespacesIn(pidDir string) (event.NamespaceIDs, error) {
	dir, err := pseudofs.OpenDir(pidDir)
	if err != nil {
		return event.NamespaceIDs{}, err
	}
	defer dir.Close()
	ids, _, err := ReadIDs(dir)
	return ids, err
}

// namespaceLinks holds the links below /proc/PID, in the order of the types.
var namespaceLinks = [event.NamespaceTypeCount]string{
	"ns/mnt", "ns/pid", "ns/net", "ns/ipc", "ns/uts", "ns/user", "ns/cgroup", "ns/time",
}

// ReadIDs is [Reader.Of] for a process whose directory is open; refused is set if the kernel does not reveal the ids. It reads
// the links' texts, which is several times cheaper than stat(2): for that the kernel would build an inode for each namespace.
func ReadIDs(dir pseudofs.Dir) (ids event.NamespaceIDs, refused bool, err error) {
	var space [64]byte
	missing := false
	for t, link := range namespaceLinks {
		n, err := unix.Readlinkat(dir.FD(), link, space[:])
		if err == nil && n == 0 {
			err = unix.EACCES // as from kernels that refuse with an empty text, such as 5.10
		}
		switch err {
		case nil:
		case unix.EACCES, unix.EPERM:
			refused = true
			continue
		case unix.ENOENT, unix.ESRCH:
			missing = true
			continue
		default:
			return ids, refused, pseudofs.PathError("readlink", dir.Path()+"/"+link, err)
		}
		kind, id, err := parseNamespaceLink(space[:n])
		if err == nil && kind != event.NamespaceType(t) {
			err = fmt.Errorf("a %s namespace", kind)
		}
		if err != nil {
			return ids, refused, fmt.Errorf("parse %s/%s: %w", dir.Path(), link, err)
		}
		ids[t] = id
	}
	if !missing {
		return ids, refused, nil
	}
	// The kernel lacks the type, or it is a zombie, or the process is gone: only then there is no ns.
	if err := unix.Faccessat(dir.FD(), "ns", unix.F_OK, 0); err == unix.ENOENT || err == unix.ESRCH {
		return event.NamespaceIDs{}, false, pseudofs.PathError("read", dir.Path()+"/ns", unix.ESRCH)
	}
	return ids, refused, nil
}

// parseNamespaceLink reads "net:[4026531840]", the text of a link in /proc/PID/ns and the root of an nsfs mount.
func parseNamespaceLink(text []byte) (event.NamespaceType, uint64, error) {
	name, rest, _ := bytes.Cut(text, []byte(":["))
	digits, closed := bytes.CutSuffix(rest, []byte("]"))
	if !closed {
		return 0, 0, fmt.Errorf("%q is not of the form type:[id]", string(text))
	}
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("namespace id: %w", err)
	}
	// This is event.ParseNamespaceType without allocating a string, eight times a process.
	for _, kind := range event.NamespaceTypes() {
		if string(name) == kind.String() {
			return kind, id, nil
		}
	}
	return 0, 0, fmt.Errorf("no namespace type %q", string(name))
}
