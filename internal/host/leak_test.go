package host

import (
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// TestNothingStaysOpen counts this process's descriptors around every reader, whether it succeeds
// or fails.
func TestNothingStaysOpen(t *testing.T) {
	var roots Roots
	roots.Proc, roots.Cgroup = hosttest.Unpack(t, "v2")
	f, err := Open(roots)
	if err != nil {
		t.Fatal(err)
	}
	live, err := Open(Roots{})
	if err != nil {
		t.Fatal(err)
	}
	own := int32(os.Getpid())
	readAll := func() {
		for _, f := range []*FS{f, live} {
			_, _ = f.Machine.Read()
			_, _, _ = f.NS.OfHost()
			_, _ = f.NS.Mounts()
			layout, _ := f.Cgroups.Layout()
			for _, err := range f.Proc.Processes(layout) {
				_ = err // who vanishes meanwhile is not what this is about
			}
			for _, pid := range []int32{own, 1430, 1500, 1, -1} {
				_, _ = f.Proc.Stat(pid)
				_, _ = f.Proc.Status(pid)
				_, _ = f.Proc.Comm(pid)
				_, _ = f.Proc.Exe(pid)
				_, _ = f.NS.Of(pid)
				_, _ = f.Cgroups.PathOf(pid, layout)
				for _, kind := range event.NamespaceTypes() {
					_, _ = f.NS.Relations(pid, kind, nothing)
				}
				pins, _ := f.NS.Pins(pid, everything)
				_, _ = f.NS.MountPins(pid, 0, everything)
				for _, pin := range pins {
					_ = f.NS.Pinned(pin)
					_, _ = f.NS.PinRelations(pin, nothing)
				}
			}
			_ = layout.Walk(func(c cgroupfs.Cgroup) error {
				_, _ = resources.In(layout).Memory(c.Path)
				_, _ = layout.TreeProcs(c.Path)
				_, _ = resources.In(layout).Memory(c.Path + "/gone")
				if w, err := resources.In(layout).Watch(c.Path); err == nil {
					w.Close()
					w.Close()
				}
				_, _ = layout.Procs(c.Path + "/gone")
				return nil
			})
		}
	}
	readAll() // the runtime opens its poller at the first file
	before := hosttest.OpenDescriptors(t)
	for range 3 {
		readAll()
	}
	if after := hosttest.OpenDescriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// nothing is known.
func nothing(uint64) bool { return false }

// everything is wanted.
func everything(event.NamespaceType, uint64) bool { return true }
