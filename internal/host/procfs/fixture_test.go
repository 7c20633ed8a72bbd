package procfs

import (
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// openHost opens a made-up host and also returns the path of its procfs.
func openHost(t testing.TB) (r *Reader, proc string) {
	t.Helper()
	proc, _ = hosttest.Unpack(t, "v2")
	return New(pseudofs.Proc(proc)), proc
}

// openCgroups opens a made-up host and also finds its cgroups.
func openCgroups(t testing.TB) (r *Reader, layout cgroupfs.Layout, proc string) {
	t.Helper()
	proc, cgroup := hosttest.Unpack(t, "v2")
	layout, err := cgroupfs.New(pseudofs.Proc(proc), cgroup).Layout()
	if err != nil {
		t.Fatal(err)
	}
	return New(pseudofs.Proc(proc)), layout, proc
}
