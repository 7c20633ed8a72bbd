package hostfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// BenchmarkNamespacesOfAll reads those of the machine's processes, each one different.
func BenchmarkNamespacesOfAll(b *testing.B) {
	f := liveFS(b)
	read := 0
	for b.Loop() {
		pids, err := f.PIDs()
		if err != nil {
			b.Fatal(err)
		}
		for _, pid := range pids {
			if _, err := f.NS.Of(pid); err != nil && !pseudofs.IsGone(err) {
				b.Fatal(err)
			}
		}
		read += len(pids)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(read), "ns/process")
}

func BenchmarkProcessesOfAll(b *testing.B) {
	f := liveFS(b)
	layout, err := f.Cgroups()
	if err != nil {
		b.Skip(err)
	}
	read := 0
	for b.Loop() {
		for _, err := range f.Processes(layout) {
			if err != nil {
				b.Fatal(err)
			}
			read++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(read), "ns/process")
}

func BenchmarkStat(b *testing.B) {
	f := liveFS(b)
	pid := int32(os.Getpid())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Stat(pid); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemoryOf50 reads what the dashboard needs of 50 containers twice a second, on the
// machine's own hierarchy.
func BenchmarkMemoryOf50(b *testing.B) {
	f := liveFS(b)
	layout, err := f.Cgroups()
	if err != nil || !layout.HasMemory {
		b.Skip("no memory controller here ", err)
	}
	path, err := f.CgroupPath(int32(os.Getpid()), layout)
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
	f := liveFS(b)
	layout, err := f.Cgroups()
	if err != nil {
		b.Skip(err)
	}
	pid := int32(os.Getpid())
	path, err := f.CgroupPath(pid, layout)
	if err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Resources(pid, layout, path); err != nil {
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

// BenchmarkPinsOfAll searches the machine's processes; BenchmarkNamespacesOfAll is what a survey that
// has nothing to search for does.
func BenchmarkPinsOfAll(b *testing.B) {
	f := liveFS(b)
	read := 0
	for b.Loop() {
		pids, err := f.PIDs()
		if err != nil {
			b.Fatal(err)
		}
		for _, pid := range pids {
			_, _ = f.NS.Pins(pid, func(event.NamespaceType, uint64) bool { return false }) // gone, or closed to this user
		}
		read += len(pids)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(read), "ns/process")
}
