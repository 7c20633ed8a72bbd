package nsfs

import (
	"bytes"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// LookingThread is the name of the thread that enters a UTS namespace to read its host name. By it a watching nsviz recognises
// its own join.
const LookingThread = "nsviz:look"

// Hostname returns the host name in the UTS namespace of a process: up to 64 bytes of anything but NUL; it may be empty.
//
// procfs has only the name in the reader's own namespace. So a thread enters the other namespace, reads the name, and ends. That
// requires CAP_SYS_ADMIN in the user namespaces of both.
func (r *Reader) Hostname(pid int32) (string, error) {
	path := r.proc.PID(pid) + "/ns/uts"
	fd, err := pseudofs.Open(unix.AT_FDCWD, path, unix.O_RDONLY)
	if err != nil {
		return "", pseudofs.PathError("open", path, err)
	}
	defer unix.Close(fd)
	own, err := pseudofs.Open(unix.AT_FDCWD, r.proc.File("self/ns/uts"), unix.O_RDONLY)
	if err == nil {
		defer unix.Close(own)
		theirs, err := pseudofs.Inode(fd)
		ours, ownErr := pseudofs.Inode(own)
		if err == nil && ownErr == nil && theirs == ours {
			return hostname()
		}
	}
	var name string
	err = inThrowawayThread(func() error {
		comm := append([]byte(LookingThread), 0)
		_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&comm[0])), 0, 0, 0) // fails for bad addresses only
		if err := unix.Setns(fd, unix.CLONE_NEWUTS); err != nil {
			return pseudofs.PathError("enter", path, err)
		}
		var err error
		name, err = hostname()
		return err
	})
	return name, err
}

func hostname() (string, error) {
	var names unix.Utsname
	if err := unix.Uname(&names); err != nil {
		return "", err
	}
	name, _, _ := bytes.Cut(names.Nodename[:], []byte{0})
	return string(name), nil
}

// inThrowawayThread runs f in a thread that ends after it, so that f may enter namespaces.
func inThrowawayThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if unix.Gettid() != unix.Getpid() {
			done <- f()
			return
		}
		// The first thread would stay, and it determines where the process is seen.
		other := make(chan error, 1)
		go func() {
			runtime.LockOSThread()
			other <- f()
		}()
		done <- <-other
		runtime.UnlockOSThread()
	}()
	return <-done
}
