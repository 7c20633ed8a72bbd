package server

import (
	"fmt"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// What each event costs the pipeline's loop when so many clients follow, who take what comes.
func BenchmarkFeedPut(b *testing.B) {
	what := happened(1, event.CgroupCreated, 7)
	for _, clients := range []int{0, 1, maxStreams} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			f := NewFeed()
			for range clients {
				s, ok := f.open()
				if !ok {
					b.Fatal("too many")
				}
				done := make(chan struct{})
				go func() {
					for {
						select {
						case <-s.next:
						case <-done:
							return
						}
					}
				}()
				b.Cleanup(func() {
					close(done)
					f.close(s)
				})
			}
			for b.Loop() {
				f.Put(what)
			}
		})
	}
}
