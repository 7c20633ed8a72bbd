package hostfs

import (
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
)

// openHost opens a host of [hosttest.Unpack].
func openHost(t testing.TB, name string) (*FS, Roots) {
	t.Helper()
	var roots Roots
	roots.Proc, roots.Cgroup = hosttest.Unpack(t, name)
	f, err := Open(roots)
	if err != nil {
		t.Fatal(err)
	}
	return f, roots
}

// liveFS opens the machine that the test runs on.
func liveFS(t testing.TB) *FS {
	t.Helper()
	f, err := Open(Roots{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
