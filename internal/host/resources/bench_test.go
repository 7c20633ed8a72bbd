package resources

import (
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// BenchmarkMemoryOf50 reads what the dashboard needs of 50 containers twice a second, on the
// machine's own hierarchy.
func BenchmarkMemoryOf50(b *testing.B) {
	cgroups := cgroupfs.New(pseudofs.DefaultProc, "")
	layout, err := cgroups.Layout()
	if err != nil || !layout.HasMemory {
		b.Skip("no memory controller here ", err)
	}
	path, err := cgroups.PathOf(int32(os.Getpid()), layout)
	if err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for range 50 {
			if _, err := In(layout).Memory(path); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkResources reads all that one container uses and may use, on the machine's own hierarchies.
func BenchmarkResources(b *testing.B) {
	cgroups := cgroupfs.New(pseudofs.DefaultProc, "")
	layout, err := cgroups.Layout()
	if err != nil {
		b.Skip(err)
	}
	pid := int32(os.Getpid())
	path, err := cgroups.PathOf(pid, layout)
	if err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(pseudofs.DefaultProc).Of(pid, layout, path); err != nil {
			b.Fatal(err)
		}
	}
}
