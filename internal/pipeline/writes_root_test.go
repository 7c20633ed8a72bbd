//go:build root

package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/story"
)

// A cgroup of no container is made, limited, entered, limited again, killed in and removed: its history has all of it, with the
// authors.
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
	var reported []string
	// awaits waits until the entries from index first to n, in any order, have these words. A write has
	// no time of its own: it is that at which nsviz learns of it, which may be after what came of it.
	awaits := func(first, n int, words ...string) {
		t.Helper()
		w.await(t, strings.Join(words, ", "), func() bool {
			s := w.Full()
			i := slices.IndexFunc(s.Cgroups, func(g model.Cgroup) bool { return g.Path == path })
			if i < 0 {
				return false
			}
			reported = nil
			for j := range s.Cgroups[i].History {
				reported = append(reported, story.CgroupEntry(&s.Cgroups[i].History[j]).String())
			}
			return len(reported) >= n && !slices.ContainsFunc(words, func(words string) bool {
				return !slices.ContainsFunc(reported[first:n], func(entry string) bool { return strings.Contains(entry, words) })
			})
		}, func() string { return strings.Join(reported, "\n") })
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
	byUser := fmt.Sprintf("%s (PID %d, uid %d, of the host) ", strings.TrimSpace(string(own)), os.Getpid(), os.Getuid())
	set(fmt.Sprint(32 << 20))
	awaits(1, 2, by+"changed its memory limit from none to 32 MiB")
	killOne(t, dir)
	awaits(2, 4, by+"moved a process into it", "the kernel's OOM killer killed tail (PID ", "The cgroup "+path+" had reached its 32 MiB limit")
	set(fmt.Sprint(64 << 20))
	awaits(4, 5, by+"changed its memory limit from 32 MiB to 64 MiB")
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	awaits(5, 6, byUser+"removed it")
	if !strings.HasPrefix(reported[0], byUser+"made it") || len(reported) != 6 {
		t.Errorf("reported:\n%s", strings.Join(reported, "\n"))
	}
	a, err := report.WhyCgroup(w.Full(), path)
	if err != nil || a.Removed.IsZero() || a.OOMKills != 1 || a.Creator == nil || int(a.Creator.PID) != os.Getpid() {
		t.Errorf("%+v, %v", a, err)
	}
}

// heldAt runs a pipeline that stops when it reports the first write to the cgroup at a path, which held says, until
// release is called. reported is signalled after each write that is reported.
func heldAt(t *testing.T, path string) (p *pipeline.Pipeline, reported, held <-chan struct{}, release func()) {
	t.Helper()
	news, holds, hold := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	holding := false
	p, err := pipeline.New(config(t, func(f fact.Fact) {
		if f.CgroupWrite != nil && f.CgroupWrite.Path == path && !holding {
			holding = true
			close(holds)
			<-hold
		}
		if f.CgroupWrite == nil {
			return
		}
		select {
		case news <- struct{}{}:
		default:
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	release = sync.OnceFunc(func() { close(hold) })
	t.Cleanup(func() {
		release()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-p.Attached():
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return p, news, holds, release
}

// changes waits until a cgroup's limit of memory has a value, and returns the changes in its history.
func changes(t *testing.T, p *pipeline.Pipeline, reported <-chan struct{}, path string, value float64) []model.Entry {
	t.Helper()
	deadline := time.After(patience)
	for {
		s := p.Full()
		i := slices.IndexFunc(s.Cgroups, func(g model.Cgroup) bool { return g.Path == path })
		if i >= 0 {
			if l := s.Cgroups[i].Limits.Memory; l != nil && l.Value != nil && *l.Value == value {
				return slices.DeleteFunc(slices.Clone(s.Cgroups[i].History), func(m model.Entry) bool { return m.Kind != model.EntryLimitsChanged })
			}
		}
		select {
		case <-reported:
		case <-deadline:
			t.Fatalf("the limit of %s does not become %v", path, value)
		}
	}
}

// writesTo makes some cgroups and returns how to set their limits of memory.
func writesTo(t *testing.T, paths ...string) func(path string, bytes int) {
	t.Helper()
	l := layout(t)
	file := "memory.max"
	if l.Controller != "" {
		file = "memory.limit_in_bytes"
	}
	for _, path := range paths {
		if err := os.Mkdir(l.Dir+path, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Remove(l.Dir + path) })
	}
	return func(path string, bytes int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(l.Dir, path, file), []byte(fmt.Sprint(bytes)), 0); err != nil {
			t.Fatal(err)
		}
	}
}

// Two processes write to the same limits before these can be read. None of the values is said to be of the one who did
// not write it.
func TestTwoWritersOfOneLimit(t *testing.T) {
	held := fmt.Sprintf("/nsviz-held-%d", os.Getpid())
	var shared []string
	for i := range 20 {
		shared = append(shared, fmt.Sprintf("/nsviz-shared-%d-%d", os.Getpid(), i))
	}
	set := writesTo(t, append(shared, held)...)
	l := layout(t)
	file := "memory.max"
	if l.Controller != "" {
		file = "memory.limit_in_bytes"
	}
	p, reported, holds, release := heldAt(t, held)
	set(held, 32<<20)
	<-holds
	for _, path := range shared {
		set(path, 64<<20)
	}
	script := ""
	for _, path := range shared {
		script += fmt.Sprintf("echo %d >%s\n", 96<<20, filepath.Join(l.Dir, path, file))
	}
	sh := start(t, "sh", "-c", script+"echo; read -r line; :")
	sh.line()
	release()
	doubts := 0
	for _, path := range shared {
		for _, m := range changes(t, p, reported, path, 96<<20) {
			wrote := map[float64]int32{64 << 20: int32(os.Getpid()), 96 << 20: sh.pid}[*m.Limits[0].To.Value]
			isIt := func(by event.Process) bool { return by.PID == wrote }
			if len(m.Limits) != 1 || m.By == nil && !slices.ContainsFunc(m.ByAnyOf, isIt) || m.By != nil && !isIt(*m.By) {
				t.Errorf("%s: %+v, which %d wrote", path, m, wrote)
			}
			if m.ByAnyOf != nil { // nearly always, but it depends on what is read when
				doubts++
				if words := story.CgroupEntry(&m).String(); !strings.HasPrefix(words, "one of ") || !strings.Contains(words, " changed its memory limit from ") {
					t.Errorf("words: %s", words)
				}
			}
		}
	}
	t.Logf("in doubt are %d of %d", doubts, len(shared))
}

// However many of the cgroups that are written to are gone before that is read of, later writes are reported with
// their author.
func TestWritesToRemovedCgroups(t *testing.T) {
	first, last := fmt.Sprintf("/nsviz-held-%d", os.Getpid()), fmt.Sprintf("/nsviz-last-%d", os.Getpid())
	set := writesTo(t, first, last)
	p, reported, held, release := heldAt(t, first)
	set(first, 32<<20)
	<-held
	dir := layout(t).Dir
	for i := range 2500 {
		path := fmt.Sprintf("%s-gone%d", first, i) // beside it: below it v2 may have no limits
		if err := os.Mkdir(dir+path, 0o755); err != nil {
			t.Fatal(err)
		}
		set(path, 16<<20)
		if err := os.Remove(dir + path); err != nil {
			t.Fatal(err)
		}
	}
	release()
	set(last, 64<<20)
	if found := changes(t, p, reported, last, 64<<20); len(found) != 1 || found[0].By == nil || int(found[0].By.PID) != os.Getpid() {
		t.Errorf("%+v", found)
	}
	for _, probe := range p.Snapshot().Probes {
		if probe.Name == fact.ProbeCgroupWrites && probe.Method != fact.MethodFanotify {
			t.Errorf("%+v", probe)
		}
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
	var paths []string
	for i := range 6 {
		paths = append(paths, fmt.Sprintf("/nsviz-lost-%d-%d", os.Getpid(), i))
	}
	set := writesTo(t, paths...)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(most, []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { write(string(before)) })
	write("1")
	p, reported, held, release := heldAt(t, paths[0])
	for i, path := range paths {
		set(path, 32<<20)
		if i == 0 {
			<-held
		}
	}
	release()
	deadline := time.After(patience)
	for {
		known, authors := 0, 0
		for _, g := range p.Full().Cgroups {
			if !slices.Contains(paths, g.Path) || g.Limits.Memory == nil || g.Limits.Memory.Value == nil || *g.Limits.Memory.Value != 32<<20 {
				continue
			}
			known++
			if last := g.History[len(g.History)-1]; last.Kind == model.EntryLimitsChanged && last.By != nil {
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
		case <-reported:
		case <-deadline:
			t.Fatalf("of %d changes %d are reported", len(paths), known)
		}
	}
}
