package cgroupfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// BenchmarkMemoryOf50 reads what the dashboard needs of 50 containers twice a second, on the
// machine's own hierarchy.
func BenchmarkMemoryOf50(b *testing.B) {
	r := New(pseudofs.DefaultProc, "")
	layout, err := r.Layout()
	if err != nil || !layout.HasMemory {
		b.Skip("no memory controller here ", err)
	}
	path, err := r.PathOf(int32(os.Getpid()), layout)
	if err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for range 50 {
			if _, err := layout.Memory(path); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkResources reads all that one container uses and may use, on the machine's own hierarchies.
func BenchmarkResources(b *testing.B) {
	r := New(pseudofs.DefaultProc, "")
	layout, err := r.Layout()
	if err != nil {
		b.Skip(err)
	}
	pid := int32(os.Getpid())
	path, err := r.PathOf(pid, layout)
	if err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Resources(pid, layout, path); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWalkOf1000 goes through a made-up hierarchy of 1000 leaves with five files each.
func BenchmarkWalkOf1000(b *testing.B) {
	layout, roots := hostLayout(b, "v2")
	for i := range 1000 {
		dir := filepath.Join(roots.Cgroup, fmt.Sprintf("docker-%04d.scope", i))
		for file := range 5 {
			hosttest.WriteFile(b, filepath.Join(dir, fmt.Sprintf("memory.%d", file)), "")
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := layout.Walk(func(Cgroup) error { n++; return nil }); err != nil || n < 1000 {
			b.Fatal(n, err)
		}
	}
}
