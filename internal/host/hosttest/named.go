package hosttest

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// NameNet makes a net namespace and mounts it at /run/netns/NAME, as `ip netns add` does. It returns its number and what takes the name
// back, which the end of the test does as well.
func NameNet(t testing.TB, name string) (id uint64, remove func()) {
	t.Helper()
	path := filepath.Join("/run/netns", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
		}
		made <- err
	}()
	mounted := true
	remove = func() {
		if !mounted {
			return
		}
		mounted = false
		if err := errors.Join(unix.Unmount(path, unix.MNT_DETACH), os.Remove(path)); err != nil {
			t.Error(err)
		}
	}
	if err := <-made; err != nil {
		t.Fatal(errors.Join(err, os.Remove(path)))
	}
	t.Cleanup(remove)
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	return stat.Ino, remove
}
