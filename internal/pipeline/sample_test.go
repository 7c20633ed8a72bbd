package pipeline

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/isolation"
)

func TestRest(t *testing.T) {
	const least, most = 500 * time.Millisecond, 5 * time.Second
	for took, want := range map[time.Duration]time.Duration{
		0: least, 10 * time.Millisecond: 490 * time.Millisecond, 20 * time.Millisecond: 480 * time.Millisecond,
		100 * time.Millisecond: 2400 * time.Millisecond, time.Second: most, time.Minute: most,
	} {
		if got := rest(took, least, most); got != want {
			t.Errorf("after %v: %v, want %v", took, got, want)
		}
	}
}

// The files are ordinary ones here; what becomes of them with their cgroup is seen by the tests that need root.
func TestSampler(t *testing.T) {
	dir := t.TempDir()
	write := func(container int, name, text string) {
		t.Helper()
		path := filepath.Join(dir, fmt.Sprint(container), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const containers = 6
	var snapshot isolation.Snapshot
	for i := range containers {
		write(i, "memory.current", "4096\n")
		write(i, "memory.max", "max\n")
		write(i, "memory.events", "oom_kill 1\n")
		write(i, "cgroup.procs", "10\n11\n")
		snapshot.Containers = append(snapshot.Containers, isolation.Container{
			ID: fmt.Sprint(i), State: isolation.Running, CgroupPath: fmt.Sprint("/", i),
		})
	}
	reading := func(id string, usage uint64) fact.Reading {
		return fact.Reading{ID: id, UsageBytes: &usage, Unlimited: true, OOMKills: new(uint64(1)), Processes: new(2)}
	}
	for _, most := range []int{containers, 2, 0} {
		p := &Pipeline{layout: cgroupfs.Layout{Version: cgroupfs.V2, Dir: dir, Root: "/", Whole: true}}
		p.cfg.Log = slog.New(slog.DiscardHandler)
		s := newSampler(p)
		s.most = most
		before := openFiles(t)
		var told [containers]int // limits
		for usage := range uint64(2 * wholeEvery) {
			var want []fact.Reading
			for i := range containers {
				write(i, "memory.current", fmt.Sprintln(usage))
				want = append(want, reading(fmt.Sprint(i), usage))
			}
			got, gone := s.readings(&snapshot)
			for i, r := range got {
				if r.Limits == nil {
					continue
				}
				told[i]++
				if diff := cmp.Diff(&fact.CgroupLimits{Memory: &fact.Limit{Unlimited: true}}, r.Limits); diff != "" {
					t.Errorf("limits:\n%s", diff)
				}
				got[i].Limits = nil
			}
			if diff := cmp.Diff(want, got); diff != "" || len(gone) > 0 {
				t.Fatalf("at most %d open, reading %d, gone %v:\n%s", most, usage, gone, diff)
			}
			if open := openFiles(t) - before; open != most*resources.WatchedFiles {
				t.Errorf("%d files are open, want %d of %d containers", open, resources.WatchedFiles, most)
			}
		}
		for i, n := range told {
			if n < 2 || n > 3 { // when it was first seen, and every fourth time
				t.Errorf("the limits of %d were told %d times", i, n)
			}
		}
		// A new limit and a new process show in a few readings.
		for i := range containers {
			write(i, "memory.max", "65536\n")
			write(i, "cgroup.procs", "10\n")
		}
		var got []fact.Reading
		for range wholeEvery {
			got, _ = s.readings(&snapshot)
		}
		for _, r := range got {
			if r.Limits != nil && r.Limits.Memory.Unlimited || r.Unlimited || r.LimitBytes == nil || *r.LimitBytes != 65536 || *r.Processes != 1 {
				t.Errorf("at most %d open: %+v", most, r)
			}
		}
		if got, _ := s.readings(&isolation.Snapshot{}); len(got) > 0 || openFiles(t) != before || len(s.watched) > 0 {
			t.Errorf("of none: %v, %d files open, %d before", got, openFiles(t), before)
		}
		if got, _ := s.readings(&snapshot); len(got) != containers {
			t.Errorf("again: %v", got)
		}
		s.close()
		if after := openFiles(t); after != before {
			t.Errorf("%d files open, %d before", after, before)
		}
		for i := range containers {
			write(i, "memory.max", "max\n")
			write(i, "cgroup.procs", "10\n11\n")
		}
	}
}

func TestSamplerGone(t *testing.T) {
	p := &Pipeline{layout: cgroupfs.Layout{Version: cgroupfs.V2, Dir: t.TempDir(), Root: "/", Whole: true}}
	s := newSampler(p)
	defer s.close()
	snapshot := isolation.Snapshot{Containers: []isolation.Container{{ID: "a", State: isolation.Running, CgroupPath: "/a"}}}
	for n := 1; n <= goneAfter; n++ {
		got, gone := s.readings(&snapshot)
		if len(got) > 0 || (len(gone) == 1) != (n == goneAfter) {
			t.Errorf("reading %d: %v, gone %v", n, got, gone)
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Where writes to limits are reported, there is little need to read them.
func TestLimitsAreReadSeldom(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"memory.current": "1\n", "memory.max": "max\n", "memory.events": "oom_kill 0\n", "cgroup.procs": "10\n"} {
		if err := os.MkdirAll(dir+"/a", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/a/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const turns = 2 * limitsEvery * wholeEvery
	for method, want := range map[fact.Method]int{fact.MethodNone: turns / wholeEvery, fact.MethodFanotify: turns / wholeEvery / limitsEvery} {
		p := &Pipeline{layout: cgroupfs.Layout{Version: cgroupfs.V2, Dir: dir, Root: "/", Whole: true}}
		p.cfg.Log = slog.New(slog.DiscardHandler)
		s := newSampler(p)
		snapshot := &isolation.Snapshot{
			Probes:     []fact.Probe{{Name: fact.ProbeCgroupWrites, Method: method}},
			Containers: []isolation.Container{{ID: "a", State: isolation.Running, CgroupPath: "/a"}},
		}
		read := 0
		for range turns {
			if list, _ := s.readings(snapshot); list[0].Limits != nil {
				read++
			}
		}
		s.close()
		if read < want || read > want+1 { // the first one comes at once
			t.Errorf("%s: read %d times in %d turns, want %d", method, read, turns, want)
		}
	}
}
