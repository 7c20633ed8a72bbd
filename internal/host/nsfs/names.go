package nsfs

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// namesFolders holds where `ip netns` mounts the net namespaces that it makes, each at its name. The second one is a link to the first
// on most hosts.
var namesFolders = [...]string{"/run/netns", "/var/run/netns"}

// Names finds the names that administrators have given to namespaces: `ip netns add blue` mounts one at /run/netns/blue. It
// reads the host's mounts when they have changed, and so when a name may be new. One goroutine uses it at a time.
type Names struct {
	mounts *os.File
	byID   map[uint64]string
}

// OpenNames returns the Names of the host, whose mounts are those of PID 1 as in [Reader.Mounts].
func (r *Reader) OpenNames() (*Names, error) {
	mounts, err := os.Open(r.proc.File("1/mountinfo"))
	if err != nil {
		if mounts, err = os.Open(r.proc.File("self/mountinfo")); err != nil {
			return nil, fmt.Errorf("follow the mounted namespaces: %w", err)
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
	fds := []unix.PollFd{{Fd: int32(n.mounts.Fd()), Events: unix.POLLPRI}}
	_, err := unix.Poll(fds, 0)
	return err != nil || fds[0].Revents&unix.POLLPRI != 0
}

// read forgets what it cannot read: a number may be another namespace's by now.
func (n *Names) read() {
	n.byID = map[uint64]string{}
	var table bytes.Buffer
	if _, err := io.Copy(&table, io.NewSectionReader(n.mounts, 0, 1<<62)); err != nil {
		return
	}
	for _, m := range parseNamespaceMounts(table.Bytes()) {
		if dir, name := path.Split(m.Point); slices.Contains(namesFolders[:], path.Clean(dir)) {
			n.byID[m.ID] = name
		}
	}
}

// Close closes the file that is followed. It may be called on nil.
func (n *Names) Close() error {
	if n == nil {
		return nil
	}
	return n.mounts.Close()
}
