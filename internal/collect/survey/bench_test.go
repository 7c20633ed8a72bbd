package survey

import (
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/probes"
)

// BenchmarkLook surveys the machine as it does every few seconds, and with the search that finds what no
// first thread of a process is in; also with 10,000 more files open.
func BenchmarkLook(b *testing.B) {
	fs, err := host.Open(host.Roots{})
	if err != nil {
		b.Fatal(err)
	}
	layout, err := fs.Cgroups.Layout()
	if err != nil {
		b.Fatal(err)
	}
	own, err := fs.NS.Of(int32(os.Getpid())) // most processes here are in the same namespaces
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
				s := newSurveyor(Config{ // whose Self is 0, so that this process is searched, too
					Machine: fs.Machine, Proc: fs.Proc, NS: fs.NS, Layout: layout, Host: own, SavesSearches: func() bool { return false },
					Now: time.Now, Log: slog.New(slog.DiscardHandler),
					Sockets: func() (pins []nsfs.Pin, err error) {
						list, err := sockets.Foreign()
						for _, s := range list {
							pins = append(pins, nsfs.SocketPin(s.NetNamespace, s.PID, s.FD, s.Inode))
						}
						return pins, err
					},
				})
				first, err := s.run(b.Context(), Begun{})
				if err != nil {
					b.Fatal(err)
				}
				begun := Begun{Known: known(first)}
				for b.Loop() {
					if s.searched = !search; search {
						s.searchAfter = s.Now()
					}
					if _, err := s.run(b.Context(), begun); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
