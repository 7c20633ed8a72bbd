package nsfs

import (
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// BenchmarkNamespacesOf1000 reads the eight namespace links of 1000 processes.
func BenchmarkNamespacesOf1000(b *testing.B) {
	r := New(pseudofs.DefaultProc)
	pid := int32(os.Getpid())
	b.ReportAllocs()
	for b.Loop() {
		for range 1000 {
			if _, err := r.Of(pid); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkNamespaceMountsOf5000(b *testing.B) {
	text := []byte(hosttest.ManyMounts(5000))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if n := len(parseNamespaceMounts(text)); n != 5000 {
			b.Fatal(n)
		}
	}
}

// BenchmarkPinsOf1000Files searches a process that has 1000 files open, none of them a namespace. The search for pinned
// namespaces does so with every process.
func BenchmarkPinsOf1000Files(b *testing.B) {
	r := New(pseudofs.DefaultProc)
	for range 1000 {
		file, err := os.Open(os.DevNull)
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
	}
	pid := int32(os.Getpid())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Pins(pid, func(event.NamespaceType, uint64) bool { return false }); err != nil {
			b.Fatal(err)
		}
	}
}
