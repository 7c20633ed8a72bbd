package nsfs

import (
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// openHost opens a host of [hosttest.Unpack] and also returns the path of its procfs.
func openHost(t testing.TB, name string) (r *Reader, proc string) {
	t.Helper()
	proc, _ = hosttest.Unpack(t, name)
	return New(pseudofs.Proc(proc)), proc
}
