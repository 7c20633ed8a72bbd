//go:build root

package nsfs

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestRootHostname(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	self := int32(os.Getpid())
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	before, err := r.Of(self)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"web", "\x1b[2J\tname", strings.Repeat("n", 64), ""} {
		for _, users := range [][]string{nil, {"--user", "--map-root-user"}} {
			args := append(users, "--uts", "sh", "-c", `printf %s "$0" >/proc/sys/kernel/hostname; echo; exec cat >/dev/null`, name)
			child := hosttest.Start(t, nil, append([]string{"unshare"}, args...)...)
			child.Line(t)
			want := name
			if name == "" { // nothing was written
				want = host
			}
			if got, err := r.Hostname(child.PID); got != want || err != nil {
				t.Errorf("%v: %q, %v, want %q", args, got, err, want)
			}
			child.End(t)
			child.Reap(t)
			if _, err := r.Hostname(child.PID); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("of a process that is gone: %v", err)
			}
		}
	}
	if got, err := r.Hostname(self); got != host || err != nil {
		t.Errorf("%q, %v, want %q", got, err, host)
	}
	// No thread stays in another namespace; a thread takes a short time to end.
	left := func(kind event.NamespaceType, id uint64) bool { return kind == event.UTS && id != before[event.UTS] }
	for {
		pins, err := r.Pins(self, left)
		if err != nil {
			t.Fatal(err)
		}
		if len(pins) == 0 {
			break
		}
		runtime.Gosched()
	}
}
