package descent

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// message returns a message of the kernel with the words of its event.
func message(what uint32, words ...uint32) []byte {
	m := make([]byte, dataAt+4*len(words))
	binary.NativeEndian.PutUint32(m[eventAt:], what)
	for i, word := range words {
		binary.NativeEndian.PutUint32(m[dataAt+4*i:], word)
	}
	return m
}

func fork(parent, child uint32) []byte { return message(eventFork, parent, parent, child, child) }

func TestTree(t *testing.T) {
	tree := newTree(10, 0)
	for _, m := range [][]byte{
		fork(10, 11), fork(11, 12), fork(1, 13), fork(13, 14),
		message(eventFork, 11, 11, 15, 11), // a thread of 11
		fork(12, 16), fork(1, 12),          // 12 has ended, and its PID is another process's
		fork(12, 17), message(7, 11, 11, 18, 18), {}, fork(11, 19)[:dataAt+8], // neither forks nor complete
	} {
		if refused := tree.handle(m); refused != 0 {
			t.Errorf("%v: %v", m, refused)
		}
	}
	for pid, want := range map[int32]bool{10: false, 11: true, 12: false, 13: false, 14: false, 15: false, 16: true, 17: false, 18: false, 19: false} {
		if got := tree.descends(pid); got != want {
			t.Errorf("process %d descends: %v, want %v", pid, got, want)
		}
	}
}

func TestTreeIsBounded(t *testing.T) {
	tree := newTree(1, 0)
	tree.fork(1, 2)
	for range maxKnown - 1 {
		tree.fork(2, 3) // the PID is given out again and again
	}
	if !tree.descends(2) || tree.forgotten {
		t.Errorf("with %d forks the first one is forgotten", maxKnown)
	}
	tree.fork(1, 4)
	if tree.descends(2) || !tree.descends(3) || !tree.descends(4) || !tree.forgotten || len(tree.order) > maxKnown {
		t.Errorf("after one more fork %d are known, and the first one is not forgotten", len(tree.order))
	}
}

func TestAcknowledgement(t *testing.T) {
	const number = 1<<32 - 1 // so that the next one is 0
	answer := func(number, err uint32) []byte {
		m := message(eventNone, err)
		binary.NativeEndian.PutUint32(m[ackAt:], number)
		return m
	}
	tree := newTree(1, number)
	// What others have asked for, without the right to.
	for _, m := range [][]byte{answer(number, uint32(unix.EPERM)), answer(1, uint32(unix.EPERM)), answer(1, 0)} {
		if refused := tree.handle(m); refused != 0 || tree.acknowledged {
			t.Errorf("the answer to another request: acknowledged: %v, refused with %v", tree.acknowledged, refused)
		}
	}
	if refused := tree.handle(answer(0, uint32(unix.EPERM))); refused != unix.EPERM || tree.acknowledged {
		t.Errorf("refused with %v", refused)
	}
	if refused := tree.handle(answer(0, 0)); refused != 0 || !tree.acknowledged {
		t.Errorf("acknowledged: %v, refused with %v", tree.acknowledged, refused)
	}
}
