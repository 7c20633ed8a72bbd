package nsfs

import (
	"fmt"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// namesFolders holds where `ip netns` mounts the net namespaces that it makes, each at its name. The second one is a link to the first
// on most hosts.
var namesFolders = [...]string{"/run/netns", "/var/run/netns"}

// Names finds the names that administrators have given to namespaces: `ip netns add blue` mounts one at /run/netns/blue. It
// reads the host's mounts when they have changed, and so when a name may be new. One goroutine uses it at a time.
type Names struct {
	// mounts is open on a mountinfo; -1 is closed. It is no os.File, since the poller of the Go runtime would see the changes first, and
	// the kernel reports each of them once.
	mounts int
	byID   map[uint64]string
}

// OpenNames returns the Names of the host, whose mounts are those of PID 1 as in [Reader.Mounts].
func (r *Reader) OpenNames() (*Names, error) {
	mounts, err := pseudofs.Open(unix.AT_FDCWD, r.proc.File("1/mountinfo"), unix.O_RDONLY)
	if err != nil {
		path := r.proc.File("self/mountinfo")
		if mounts, err = pseudofs.Open(unix.AT_FDCWD, path, unix.O_RDONLY); err != nil {
			return nil, fmt.Errorf("follow the mounted namespaces: %w", pseudofs.PathError("open", path, err))
		}
	}
	return &Names{mounts: mounts}, nil
}

// Of returns the name of a namespace; "" is none, or unknown. It may be called on nil, which knows no names.
func (n *Names) Of(id uint64) string {
	if n == nil {
		return ""
	}
	if n.byID == nil || n.changed() {
		n.read()
	}
	return n.byID[id]
}

// changed reports whether anything was mounted or unmounted since the last call. See mounts_poll in the kernel's fs/namespace.c.
func (n *Names) changed() bool {
	fds := []unix.PollFd{{Fd: int32(n.mounts), Events: unix.POLLPRI}}
	_, err := unix.Poll(fds, 0)
	return err != nil || fds[0].Revents&unix.POLLPRI != 0
}

// read forgets what it cannot read: a number may be another namespace's by now.
func (n *Names) read() {
	n.byID = map[uint64]string{}
	table, err := n.table()
	if err != nil {
		return
	}
	for _, m := range parseNamespaceMounts(table) {
		if dir, name := path.Split(m.Point); slices.Contains(namesFolders[:], path.Clean(dir)) {
			n.byID[m.ID] = name
		}
	}
}

// table reads all of the mounts.
func (n *Names) table() (table []byte, err error) {
	chunk := make([]byte, 1<<16)
	for {
		size, err := unix.Pread(n.mounts, chunk, int64(len(table)))
		switch {
		case err == unix.EINTR:
		case err != nil || size == 0:
			return table, err
		default:
			table = append(table, chunk[:size]...)
		}
	}
}

// Close stops following the mounts. It may be called twice, and on nil.
func (n *Names) Close() error {
	if n == nil || n.mounts < 0 {
		return nil
	}
	fd := n.mounts
	n.mounts = -1
	return unix.Close(fd)
}
