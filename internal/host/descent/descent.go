package descent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Follower knows the descendants of a process. It is safe for use by several goroutines.
type Follower struct {
	mu     sync.Mutex // guards what follows; reading does not wait, so that an answer includes every fork that came before the question
	fd     int
	tree   tree
	missed bool // the kernel has dropped reports
	closed bool

	reading sync.WaitGroup
	stop    int // an eventfd that ends reading
}

const (
	// ackPatience bounds the wait for the kernel's answer, which comes at once or, in another namespace, never.
	ackPatience = time.Second
	// bufferBytes holds the reports of some 30,000 forks.
	bufferBytes = 16 << 20
)

// Follow follows the descendants of this process until Close. The error is a sentence about why it cannot.
func Follow() (*Follower, error) {
	f := &Follower{fd: -1, stop: -1, tree: newTree(int32(os.Getpid()), rand.Uint32())} //nolint:gosec // a PID has 22 bits at most; the number is no secret
	if err := f.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("ask the kernel to report forks: %w", err), f.Close())
	}
	f.reading.Go(f.read)
	return f, nil
}

func (f *Follower) open() (err error) {
	if f.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return err
	}
	if f.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(f.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferBytes); err != nil {
		_ = unix.SetsockoptInt(f.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bufferBytes) // with less, more is missed, which is reported
	}
	program := onlyForks()
	if err := unix.SetsockoptSockFprog(f.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}); err != nil {
		return err
	}
	if err := unix.Bind(f.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: cnIdxProc}); err != nil {
		return err
	}
	if err := unix.Sendto(f.fd, request(f.tree.request), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	return f.awaitAck()
}

// awaitAck waits until the kernel reports forks.
func (f *Follower) awaitAck() error {
	for until := time.Now().Add(ackPatience); ; {
		left := time.Until(until)
		if left <= 0 {
			return errors.New("it does not answer, as in a namespace of PIDs or users other than the first one")
		}
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1) //nolint:gosec // a descriptor
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		f.mu.Lock()
		refused := f.drain()
		acknowledged := f.tree.acknowledged
		f.mu.Unlock()
		if refused != 0 {
			return refused
		}
		if acknowledged {
			return nil
		}
	}
}

// read keeps the socket from filling up.
func (f *Follower) read() {
	fds := []unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLIN}, {Fd: int32(f.stop), Events: unix.POLLIN}} //nolint:gosec // descriptors
	for {
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return // only invalid arguments and a lack of memory make it fail
		}
		if fds[1].Revents != 0 {
			return
		}
		f.mu.Lock()
		f.drain()
		f.mu.Unlock()
	}
}

// drain takes the reports that are there. It is for who holds mu. It returns why the kernel refused to report, 0 if it did not.
func (f *Follower) drain() (refused unix.Errno) {
	var message [256]byte
	for {
		n, from, err := unix.Recvfrom(f.fd, message[:], 0)
		switch {
		case errors.Is(err, unix.ENOBUFS):
			f.missed = true
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil: // there are no more
			return refused
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue // it is not the kernel
		}
		if e := f.tree.handle(message[:n]); e != 0 {
			refused = e
		}
	}
}

// Descends reports whether a process is or was a descendant of this one. Of the processes that had a PID it means the latest one.
func (f *Follower) Descends(pid int32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed {
		f.drain()
	}
	return f.tree.descends(pid)
}

// Missed reports whether the kernel has dropped reports, so that some descendants are unknown.
func (f *Follower) Missed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.missed || f.tree.forgotten
}

// Close ends it; Descends still knows those up to then. It may be called more than once.
func (f *Follower) Close() error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	f.mu.Unlock()
	if f.stop >= 0 {
		_, _ = unix.Write(f.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // cannot block
	}
	f.reading.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	if f.fd >= 0 {
		f.drain()
		errs = append(errs, unix.Close(f.fd))
	}
	if f.stop >= 0 {
		errs = append(errs, unix.Close(f.stop))
	}
	return errors.Join(errs...)
}

// The numbers of include/uapi/linux/connector.h and cn_proc.h.
const (
	cnIdxProc, cnValProc = 1, 1

	mcastListen = 1

	eventNone, eventFork = 0, 1
)

// The layout of a message: a struct nlmsghdr, a struct cn_msg and a struct proc_event.
const (
	connectorAt = unix.SizeofNlMsghdr
	eventAt     = connectorAt + 20
	dataAt      = eventAt + 16

	ackAt = connectorAt + 12 // in the cn_msg
)

// request returns the message that asks for reports. The kernel answers to all who follow, with the next number.
func request(number uint32) []byte {
	const size = eventAt + 4
	m := make([]byte, size)
	native := binary.NativeEndian
	native.PutUint32(m[0:], size)
	native.PutUint16(m[4:], unix.NLMSG_DONE)
	native.PutUint32(m[connectorAt:], cnIdxProc)
	native.PutUint32(m[connectorAt+4:], cnValProc)
	native.PutUint32(m[ackAt:], number)
	native.PutUint16(m[connectorAt+16:], 4) // the length of what follows
	native.PutUint32(m[eventAt:], mcastListen)
	return m
}

// onlyForks returns a filter that lets only forks and acknowledgements pass, so that others wake nobody.
func onlyForks() []unix.SockFilter {
	// The filter loads words in the order of the network.
	word := func(n uint32) uint32 {
		var b [4]byte
		binary.NativeEndian.PutUint32(b[:], n)
		return binary.BigEndian.Uint32(b[:])
	}
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: eventAt},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: word(eventFork), Jt: 2},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: word(eventNone), Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
	}
}
