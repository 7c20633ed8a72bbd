package probes

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/gen"
)

// sharedState is the reader_state of bpf/nsviz.h, which explains how the reader and the programs use it.
type sharedState struct {
	memory []byte
	state  *gen.NsvizReaderState
}

func mapState(m *ebpf.Map) (sharedState, error) {
	memory, err := unix.Mmap(m.FD(), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return sharedState{}, fmt.Errorf("map the state of the reader: %w", err)
	}
	return sharedState{memory: memory, state: (*gen.NsvizReaderState)(unsafe.Pointer(&memory[0]))}, nil
}

func (s sharedState) setAsleep(asleep uint32) { atomic.StoreUint32(&s.state.Asleep, asleep) }

func (s sharedState) notices() uint32 { return atomic.LoadUint32(&s.state.Notices) }

// close unmaps the memory. It may be called even if mapState failed.
func (s sharedState) close() error {
	if s.memory == nil {
		return nil
	}
	return unix.Munmap(s.memory)
}

// poller waits for any of several descriptors to wake it. It waits as Go's own network code does, in the runtime's poller:
// if a thread blocks in epoll_wait, the runtime checks on it every few microseconds for up to 10 ms.
type poller struct {
	file *os.File
	conn interface {
		Read(func(fd uintptr) (done bool)) error
	}
}

func newPoller(fds []int) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that os.NewFile gives it to the runtime's poller
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &poller{file: os.NewFile(uintptr(fd), "epoll")}
	if p.conn, err = p.file.SyscallConn(); err == nil {
		err = p.file.SetReadDeadline(time.Time{}) // fails if the runtime's poller does not have it
	}
	for i := 0; err == nil && i < len(fds); i++ {
		// Edge-triggered: only a wake-up counts. Level-triggered, a ring would be ready as soon as anything
		// is in it, and its events could not gather.
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fds[i])}
		err = os.NewSyscallError("epoll_ctl", unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, fds[i], &ev))
	}
	if err != nil {
		return nil, errors.Join(err, p.file.Close())
	}
	return p, nil
}

// wait returns when a descriptor wakes it or the deadline has passed.
func (p *poller) wait(deadline time.Time) error {
	if err := p.file.SetReadDeadline(deadline); err != nil {
		return err
	}
	var failed error
	err := p.conn.Read(func(fd uintptr) bool {
		for {
			var ready [4]unix.EpollEvent
			n, err := unix.EpollWait(int(fd), ready[:], 0)
			if err == unix.EINTR {
				continue
			}
			failed = err
			return n > 0 || err != nil
		}
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return errors.Join(err, failed)
}

func (p *poller) close() error { return p.file.Close() }

// longestSleep bounds a sleep, in case a wake-up fails: a notice on arm64 (see bpf/nsviz.h), or a wake-up for which the
// kernel has no room.
const longestSleep = 30 * time.Second

// fallAsleep announces that the reader is about to sleep, and returns the longest time for which it may sleep.
// Later events wake it; if earlier ones are not read yet, the time is as short as while it is awake.
func (r *reader) fallAsleep() time.Duration {
	r.shared.setAsleep(1)
	for _, ring := range r.rings {
		if ring.AvailableBytes() > 0 {
			return r.interval
		}
	}
	if r.hasToCount() {
		return max(time.Duration(r.nextErrors-min(BootNow(), r.nextErrors)), time.Millisecond)
	}
	return longestSleep
}

// hasToCount reports whether the counters of errors may have changed since they were read, or returns of calls under way may
// have been missed.
func (r *reader) hasToCount() bool {
	return len(r.counted) == 0 || r.callsUnderWay || r.shared.notices() != r.noticed
}
