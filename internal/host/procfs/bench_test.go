package procfs

import (
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// BenchmarkNamespacesOfAll reads the namespaces of all processes of the machine, no two of which are alike.
func BenchmarkNamespacesOfAll(b *testing.B) {
	r := New(pseudofs.DefaultProc)
	read := 0
	for b.Loop() {
		pids, err := r.PIDs()
		if err != nil {
			b.Fatal(err)
		}
		for _, pid := range pids {
			if _, err := r.ns.Of(pid); err != nil && !pseudofs.IsGone(err) {
				b.Fatal(err)
			}
		}
		read += len(pids)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(read), "ns/process")
}

func BenchmarkProcessesOfAll(b *testing.B) {
	r := New(pseudofs.DefaultProc)
	layout, err := cgroupfs.New(r.proc, "").Layout()
	if err != nil {
		b.Skip(err)
	}
	read := 0
	for b.Loop() {
		for _, err := range r.Processes(layout) {
			if err != nil {
				b.Fatal(err)
			}
			read++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(read), "ns/process")
}

func BenchmarkStat(b *testing.B) {
	r := New(pseudofs.DefaultProc)
	pid := int32(os.Getpid())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Stat(pid); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPinsOfAll searches the machine's processes. BenchmarkNamespacesOfAll does what a survey does that has nothing to
// search for.
func BenchmarkPinsOfAll(b *testing.B) {
	r := New(pseudofs.DefaultProc)
	read := 0
	for b.Loop() {
		pids, err := r.PIDs()
		if err != nil {
			b.Fatal(err)
		}
		for _, pid := range pids {
			_, _ = r.ns.Pins(pid, func(event.NamespaceType, uint64) bool { return false }) // gone, or closed to this user
		}
		read += len(pids)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(read), "ns/process")
}
