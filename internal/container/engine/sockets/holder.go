package sockets

import (
	"slices"
	"strings"
	"sync"

	"github.com/nsviz/nsviz/internal/host/netfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// systemd listens in place of a service until somebody connects, and then starts it. As PID 1 and as the manager of a user it calls itself so.
const systemd = "systemd"

// holder finds out who listens on one socket. A service that runs has the same socket open as systemd, which gave it to it.
type holder struct {
	proc *procfs.Reader
	net  *netfs.Reader

	mu     sync.Mutex // guards what follows
	inodes []uint64
	// without are the processes that do not have it open. None gets it later: systemd gives it to the child that becomes the service.
	without map[procfs.Listed]bool
	// service is the process that had it open last; 0 is none.
	service int32
}

// isHeld reports whether systemd listens at a path and nothing else does; the path has no symbolic links. If that cannot be found out, as in
// a PID namespace whose procfs does not show who listens, the answer is false: then the socket is one like any other. It is the socket of that
// user.
func (h *holder) isHeld(path string, owner uint32) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	// A socket that systemd listens on is in its network namespace. The path is as it was bound.
	var inodes []uint64
	for _, bound := range []string{path, "/var" + path} {
		if bound == path || strings.HasPrefix(path, "/run/") {
			found, err := h.net.UnixListeners(1, bound)
			if err != nil {
				return false
			}
			inodes = append(inodes, found...)
		}
	}
	if len(inodes) == 0 {
		return false
	}
	if !slices.Equal(inodes, h.inodes) {
		h.inodes, h.without, h.service = inodes, nil, 0
	}
	if h.service != 0 && h.look(h.service, owner) == hasItOpen {
		return false
	}
	processes, err := h.proc.List()
	if err != nil {
		return false
	}
	held := false
	without := make(map[procfs.Listed]bool, len(processes))
	for _, p := range processes {
		if h.without[p] && p.IsSure() {
			without[p] = true
			continue
		}
		switch h.look(p.PID, owner) {
		case hasItOpen:
			h.without, h.service = nil, p.PID
			return false
		case hasItNot:
			without[p] = true
		case systemdHasIt:
			held = true
		case doesNotCount:
		}
	}
	h.without = without
	return held
}

// openness is whether a process has the socket open, or may have.
type openness int

const (
	hasItNot openness = iota
	hasItOpen
	systemdHasIt // or may have it
	doesNotCount // it is a systemd without it, or gone
)

func (h *holder) look(pid int32, owner uint32) openness {
	comm, err := h.proc.Comm(pid)
	if pseudofs.IsGone(err) {
		return doesNotCount
	}
	found := false
	err = h.net.SocketInodes(pid, func(inode uint64) { found = found || slices.Contains(h.inodes, inode) })
	switch {
	case comm == systemd && (found || err != nil && !pseudofs.IsGone(err)):
		return systemdHasIt
	case comm == systemd:
		return doesNotCount
	case found:
		return hasItOpen
	case err == nil:
		return hasItNot
	case pseudofs.IsGone(err), owner != 0: // of a user's socket, root's processes are not the service
		return doesNotCount
	}
	return hasItOpen // for all that is known
}
