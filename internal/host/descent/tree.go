package descent

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// maxKnown bounds the descendants that are known. The first ones are forgotten first.
const maxKnown = 1 << 18

// tree holds the descendants of a process, as forks report them. A process of which the PID was given out again is none any more.
type tree struct {
	root  int32
	known map[int32]uint64 // the number of the fork that made it
	order []made           // oldest first; some may be gone from known
	forks uint64
	// request is the number of the request for reports. Any user may ask, and everybody gets the answers to all.
	request uint32
	// forgotten is set if there were more than maxKnown.
	forgotten    bool
	acknowledged bool
}

type made struct {
	pid  int32
	fork uint64
}

func newTree(root int32, request uint32) tree {
	return tree{root: root, known: map[int32]uint64{}, request: request}
}

func (t *tree) descends(pid int32) bool { return t.known[pid] != 0 }

// handle takes one message of the kernel. It returns why the kernel refused to report, 0 if it did not.
func (t *tree) handle(message []byte) (refused unix.Errno) {
	native := binary.NativeEndian
	if len(message) < dataAt+4 {
		return 0
	}
	data := message[dataAt:]
	switch native.Uint32(message[eventAt:]) {
	case eventNone:
		if native.Uint32(message[ackAt:]) != t.request+1 {
			return 0 // the answer to another process
		}
		if e := unix.Errno(native.Uint32(data)); e != 0 {
			return e
		}
		t.acknowledged = true
	case eventFork: // parent_pid, parent_tgid, child_pid, child_tgid
		if len(data) < 16 {
			return 0
		}
		parent, thread, child := int32(native.Uint32(data[4:])), int32(native.Uint32(data[8:])), int32(native.Uint32(data[12:])) //nolint:gosec // PIDs
		if thread == child {
			t.fork(parent, child)
		}
	}
	return 0
}

// fork takes in that a process made another one.
func (t *tree) fork(parent, child int32) {
	if parent != t.root && !t.descends(parent) {
		delete(t.known, child) // an earlier process had that PID
		return
	}
	t.forks++
	t.known[child] = t.forks
	t.order = append(t.order, made{child, t.forks})
	for len(t.order) > maxKnown {
		if oldest := t.order[0]; t.known[oldest.pid] == oldest.fork {
			delete(t.known, oldest.pid)
			t.forgotten = true
		}
		t.order = t.order[1:]
	}
}
