package ondisk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/fact"
)

// endSink takes the reports of ends.
type endSink struct {
	engine.Sink

	ends chan fact.EngineReport
}

func (endSink) Identify(container.Identity) {}

func (s endSink) Ended(r fact.EngineReport) { s.ends <- r }

// What podman knows of an end is what conmon has written: the exit code in a folder of its choice, and a file that says that there was an OOM
// kill. It is there a moment after the end.
func TestPodmansWordOfAnEnd(t *testing.T) {
	h := newHost(t)
	self := uint32(os.Getuid())
	id := func(n int) string { return strings.Repeat(fmt.Sprint(n), 64) }
	for n := range 4 {
		h.process(20+n, "conmon", self, fmt.Sprint(20+n),
			"conmon", "-c", id(n), "-n", "web", "--exit-dir", "/srv/exits", "-b", fmt.Sprintf("/srv/vfs-containers/%d/userdata", n))
		h.write(fmt.Sprintf("/srv/vfs-containers/%d/userdata/config.json", n), "{}")
	}
	h.write("/srv/exits/"+id(0), "0")
	h.write("/srv/vfs-containers/1/userdata/oom", "")
	h.write("/srv/exits/"+id(2), "x")
	h.write("/srv/exits/"+id(3), "1") // of an earlier run
	old := time.Now().Add(-2 * endAge)
	if err := os.Chtimes(filepath.Join(h.dir, "srv/exits", id(3)), old, old); err != nil {
		t.Fatal(err)
	}
	h.write("/run/libpod/exits/"+id(4), "3") // its monitor is gone

	s := h.source()
	sink := endSink{ends: make(chan fact.EngineReport, 10)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Run(ctx, sink) // until ctx ends
	}()
	defer func() {
		cancel()
		<-ended
	}()
	<-s.Synced()
	for n := range 5 {
		s.AskEnd(id(n))
	}
	s.AskEnd("web")
	got := map[string]fact.EngineReport{}
	take := func() {
		r := <-sink.ends
		got[r.ID] = r
	}
	take()
	take()
	h.write("/srv/exits/"+id(1), "137") // now conmon has reaped it
	take()
	want := map[string]fact.EngineReport{
		id(0): {ID: id(0), ExitCode: new(int32(0)), OOMKilled: new(false)},
		id(1): {ID: id(1), ExitCode: new(int32(137)), OOMKilled: new(true)},
		id(4): {ID: id(4), ExitCode: new(int32(3))},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
