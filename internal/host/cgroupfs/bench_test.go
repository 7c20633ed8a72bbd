package cgroupfs

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
)

// BenchmarkWalkOf1000 walks through a made-up hierarchy of 1000 leaves with five files each.
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
