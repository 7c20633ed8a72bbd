package pipeline

import (
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/probes"
)

// BenchmarkLook surveys the machine as it does every few seconds, and with the search that finds what no
// first thread of a process is in; also with 10,000 more files open.
func BenchmarkLook(b *testing.B) {
	p, err := New(Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	open := 0
	for _, files := range []int{0, 10000} {
		for ; open < files; open++ {
			file, err := os.Open(os.DevNull)
			if err != nil {
				b.Skip(err)
			}
			defer file.Close()
		}
		for _, search := range []bool{false, true} {
			b.Run(fmt.Sprintf("files=%d/search=%t", files, search), func(b *testing.B) {
				sockets := probes.OpenSockets()
				defer sockets.Close()
				s := newSurveyor(p, sockets.Foreign)
				s.own = 0 // search this process, too
				if _, _, err := s.look(b.Context(), nil); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if s.searched = !search; search {
						s.rest = p.now()
					}
					if _, _, err := s.look(b.Context(), nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
