package procfs

import (
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// openHost opens a host of [hosttest.Unpack] and returns where it has its procfs, too.
func openHost(t testing.TB, name string) (r *Reader, proc string) {
	t.Helper()
	proc, _ = hosttest.Unpack(t, name)
	return New(pseudofs.Proc(proc)), proc
}

// openCgroups opens a host of [hosttest.Unpack] and finds its cgroups, too.
func openCgroups(t testing.TB, name string) (r *Reader, layout cgroupfs.Layout, proc string) {
	t.Helper()
	proc, cgroup := hosttest.Unpack(t, name)
	layout, err := cgroupfs.New(pseudofs.Proc(proc), cgroup).Layout()
	if err != nil {
		t.Fatal(err)
	}
	return New(pseudofs.Proc(proc)), layout, proc
}
