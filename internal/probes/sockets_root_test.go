//go:build root

package probes

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestForeignSockets makes sockets in a network namespace that no process is in any more. The process shares some of them
// with a child.
func TestForeignSockets(t *testing.T) {
	s := OpenSockets()
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	mine := func() (list []Socket) {
		t.Helper()
		all, err := s.Foreign()
		if err != nil {
			t.Fatal(err)
		}
		for _, socket := range all {
			if socket.PID == int32(os.Getpid()) {
				list = append(list, socket)
			}
		}
		return list
	}
	if list := mine(); len(list) > 0 {
		t.Errorf("before there were any: %+v", list)
	}
	const many = 1000 // more than the iterator returns at once
	fds := make([]int, many)
	made := make(chan error)
	var inThread func()
	inThread = func() {
		runtime.LockOSThread()              // the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() { // the process itself would be elsewhere
			done := make(chan struct{})
			go func() { inThread(); close(done) }()
			<-done // and that one had another thread
			runtime.UnlockOSThread()
			return
		}
		err := unix.Unshare(unix.CLONE_NEWNET)
		for i := range fds {
			if err == nil {
				fds[i], err = unix.Socket([]int{unix.AF_INET, unix.AF_UNIX, unix.AF_NETLINK}[i%3], unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			}
		}
		made <- err
	}
	go inThread()
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	ns, err := unix.IoctlRetInt(fds[0], unix.SIOCGSKNS) // as the kernel itself reports it to the owner of the socket
	if err != nil {
		t.Fatal(err)
	}
	var of unix.Stat_t
	if err := unix.Fstat(ns, &of); err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(ns)
	list := mine()
	if len(list) != many {
		t.Fatalf("%d sockets, want %d", len(list), many)
	}
	for _, socket := range list {
		link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", socket.FD))
		if err != nil || link != fmt.Sprintf("socket:[%d]", socket.Inode) || socket.NetNamespace != of.Ino || !slices.Contains(fds, int(socket.FD)) {
			t.Fatalf("%+v is %s, %v, of net:[%d]", socket, link, err, of.Ino)
		}
	}
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
	if list := mine(); len(list) > 0 {
		t.Errorf("when they are closed: %+v", list)
	}
}
