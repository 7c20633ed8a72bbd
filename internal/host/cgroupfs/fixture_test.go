package cgroupfs

import (
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// hostRoots holds the paths of a made-up host's file systems.
type hostRoots struct{ Proc, Cgroup string }

// openHost opens a host of [hosttest.Unpack].
func openHost(t testing.TB, name string) (*Reader, hostRoots) {
	t.Helper()
	proc, cgroup := hosttest.Unpack(t, name)
	return New(pseudofs.Proc(proc), cgroup), hostRoots{proc, cgroup}
}
