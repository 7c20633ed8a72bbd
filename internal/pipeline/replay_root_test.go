//go:build root && !vm

package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/record"
)

// Facts that are recorded while containers come, have OOM kills and go give the same snapshot when applied to another model.
func TestReplayedRecordingGivesTheSameSnapshot(t *testing.T) {
	var file bytes.Buffer
	writer, err := record.NewWriter(&file, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var recordFailed error
	p, err := pipeline.New(pipeline.Config{
		Engines: []engine.Engine{nobody(t)},
		Log:     slog.New(slog.NewTextHandler(t.Output(), nil)),
		Sinks: []func(fact.Fact){func(f fact.Fact) {
			recordFailed = errors.Join(recordFailed, writer.Write(f))
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()

	select {
	case <-p.Attached():
	case err := <-ended:
		t.Fatal(err)
	}
	odd := makeOddCgroups(t)
	const kills = 2
	playOOM(t, func() bool { return p.Snapshot().OOMKillCount() >= kills }, p.Changed())
	cancel()
	if err := errors.Join(<-ended, recordFailed, writer.Close()); err != nil {
		t.Fatal(err)
	}

	replayed := model.New(model.DefaultLimits())
	reader, err := record.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	for {
		f, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		replayed.Apply(f)
	}
	live := p.Full()
	if diff := cmp.Diff(live, replayed.Full(), cmp.FilterPath(isCgroupID, cmp.Ignore())); diff != "" {
		t.Errorf("snapshots differ (-live +replayed):\n%s", diff)
	}
	if live.OOMKillCount() < kills || len(live.Kills) < kills || len(live.Events) == 0 || len(live.Namespaces) == 0 || len(live.Cgroups) == 0 {
		t.Errorf("a snapshot of next to nothing: %d kills, %d events, %d namespaces, %d cgroups", len(live.Kills), len(live.Events),
			len(live.Namespaces), len(live.Cgroups))
	}
	for _, path := range odd {
		if !slices.ContainsFunc(live.Cgroups, func(g model.Cgroup) bool { return g.Path == path }) {
			t.Errorf("no cgroup %q", path)
		}
	}
}

// makeOddCgroups makes and removes two cgroups whose paths differ in a byte that is no UTF-8, and returns the paths.
func makeOddCgroups(t *testing.T) (paths []string) {
	t.Helper()
	dir := layout(t).Dir
	for _, odd := range []string{"\xfe", "\xff"} {
		path := fmt.Sprint("/nsviz-test-", os.Getpid(), odd)
		if err := os.Mkdir(dir+path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(dir + path); err != nil {
			t.Error(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// isCgroupID reports whether a value is an event's cgroup id, by which its container was found; it is
// not recorded.
func isCgroupID(p cmp.Path) bool { return p.Last().String() == ".CgroupID" }

// playOOM plays the demo, without an engine, until enough says so. It asks after every change.
func playOOM(t *testing.T, enough func() bool, changed <-chan struct{}) {
	t.Helper()
	fs, err := host.Open(host.Roots{})
	if err != nil {
		t.Fatal(err)
	}
	layout, err := fs.Cgroups.Layout()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	played := make(chan error, 1)
	go func() {
		backend := demo.NewBare(layout.Dir, layout.Controller == "")
		played <- demo.Run(ctx, backend, demo.OOM, demo.Play{Suffix: fmt.Sprint(os.Getpid()), Wait: time.After})
	}()
	deadline := time.After(patience)
	for !enough() {
		select {
		case <-changed:
		case err := <-played:
			t.Fatalf("the demo ended: %v", err)
		case <-deadline:
			t.Fatal("the demo kills nothing")
		}
	}
	stop()
	if err := <-played; err != nil {
		t.Error(err)
	}
}
