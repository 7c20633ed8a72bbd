//go:build root

package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/story"
)

// A cgroup of no container is made, limited, entered, limited again, killed in and removed: its story tells all
// of it, and who it was.
func TestStoryOfACgroup(t *testing.T) {
	w := watch(t)
	l := layout(t)
	path := fmt.Sprintf("/nsviz-story-%d", os.Getpid())
	dir := filepath.Join(l.Dir, path)
	limit := "memory.max"
	if l.Controller != "" {
		limit = "memory.limit_in_bytes"
	}
	set := func(bytes string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, limit), []byte(bytes), 0); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	awaits := func(n int, last string) {
		t.Helper()
		w.await(t, last, func() bool {
			s := w.Whole()
			i := slices.IndexFunc(s.Cgroups, func(g isolation.Cgroup) bool { return g.Path == path })
			if i < 0 {
				return false
			}
			told = nil
			for j := range s.Cgroups[i].History {
				told = append(told, story.CgroupMoment(&s.Cgroups[i].History[j]).String())
			}
			return len(told) >= n && strings.Contains(told[n-1], last)
		}, func() string { return strings.Join(told, "\n") })
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	own, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	by := fmt.Sprintf("%s (PID %d, of the host) ", strings.TrimSpace(string(own)), os.Getpid())
	set(fmt.Sprint(32 << 20))
	awaits(2, by+"changed its memory limit from none to 32 MiB")
	killOne(t, dir)
	awaits(4, "the kernel's OOM killer killed tail (PID ")
	if !strings.HasPrefix(told[2], by+"moved a process into it") || !strings.Contains(told[3], "The cgroup "+path+" had reached its 32 MiB limit") {
		t.Errorf("told:\n%s", strings.Join(told, "\n"))
	}
	set(fmt.Sprint(64 << 20))
	awaits(5, by+"changed its memory limit from 32 MiB to 64 MiB")
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	awaits(6, by+"removed it")
	if !strings.HasPrefix(told[0], by+"made it") || len(told) != 6 {
		t.Errorf("told:\n%s", strings.Join(told, "\n"))
	}
	a, err := story.WhyCgroup(w.Whole(), path)
	if err != nil || a.Removed.IsZero() || a.OOMKills != 1 || a.Creator == nil || int(a.Creator.PID) != os.Getpid() {
		t.Errorf("%+v, %v", a, err)
	}
}

// More is written than the kernel may queue, while nobody reads. All limits that have changed are found by reading,
// if not who changed them.
func TestLostWritesAreRead(t *testing.T) {
	const most = "/proc/sys/fs/fanotify/max_queued_events"
	before, err := os.ReadFile(most)
	if err != nil {
		t.Fatal(err)
	}
	l := layout(t)
	file := "memory.max"
	if l.Controller != "" {
		file = "memory.limit_in_bytes"
	}
	var paths []string
	for i := range 6 {
		path := fmt.Sprintf("/nsviz-lost-%d-%d", os.Getpid(), i)
		if err := os.Mkdir(l.Dir+path, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(l.Dir + path) })
		paths = append(paths, path)
	}
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	hold, held := make(chan struct{}), make(chan struct{})
	holding := false
	told := make(chan struct{}, 1)
	p, err := pipeline.New(config(t, func(f isolation.Fact) {
		if f.CgroupWrite != nil && f.CgroupWrite.Path == paths[0] && !holding {
			holding = true
			close(held)
			<-hold
		}
		select {
		case told <- struct{}{}:
		default:
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { write(most, string(before)) })
	write(most, "1")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-p.Attached():
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	for i, path := range paths {
		write(filepath.Join(l.Dir, path, file), fmt.Sprint(32<<20))
		if i == 0 {
			<-held
		}
	}
	close(hold)
	deadline := time.After(patience)
	for {
		known, authors := 0, 0
		for _, g := range p.Whole().Cgroups {
			if !slices.Contains(paths, g.Path) || g.Limits.Memory == nil || g.Limits.Memory.Value == nil || *g.Limits.Memory.Value != 32<<20 {
				continue
			}
			known++
			if last := g.History[len(g.History)-1]; last.Kind == isolation.MomentChanged && last.By != nil {
				authors++
			}
		}
		if known == len(paths) {
			if authors == 0 || authors == len(paths) {
				t.Errorf("of %d changes the authors of %d are known", known, authors)
			}
			return
		}
		select {
		case <-told:
		case <-deadline:
			t.Fatalf("of %d changes %d are told", len(paths), known)
		}
	}
}
