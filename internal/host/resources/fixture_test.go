package resources

import (
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// hostRoots holds the paths of a made-up host's file systems.
type hostRoots struct{ Proc, Cgroup string }

// layout finds the host's cgroups.
func (r hostRoots) layout(t testing.TB) cgroupfs.Layout {
	t.Helper()
	layout, err := cgroupfs.New(pseudofs.Proc(r.Proc), r.Cgroup).Layout()
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// unpack returns a host of [hosttest.Unpack].
func unpack(t testing.TB, name string) hostRoots {
	t.Helper()
	proc, cgroup := hosttest.Unpack(t, name)
	return hostRoots{proc, cgroup}
}

// hostLayout returns a host and finds its cgroups.
func hostLayout(t testing.TB, name string) cgroupfs.Layout {
	t.Helper()
	return unpack(t, name).layout(t)
}
