package sample

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
)

// configOf is of a host with cgroup v2 whose cgroups are below dir.
func configOf(dir string) Config {
	return Config{
		Layout: cgroupfs.Layout{Version: cgroupfs.V2, Dir: dir, Root: "/", Whole: true},
		Log:    slog.New(slog.DiscardHandler),
	}
}

// The files are ordinary ones here; what becomes of them with their cgroup is seen by the tests that need root.
func TestReadingsFollowTheFiles(t *testing.T) {
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
	var live []model.Watched
	for i := range containers {
		write(i, "memory.current", "4096\n")
		write(i, "memory.max", "max\n")
		write(i, "memory.events", "oom_kill 1\n")
		write(i, "cgroup.procs", "10\n11\n")
		live = append(live, model.Watched{ID: fmt.Sprint(i), Running: true, CgroupPath: fmt.Sprint("/", i)})
	}
	reading := func(id string, usage uint64) fact.Reading {
		return fact.Reading{ID: id, UsageBytes: &usage, Unlimited: true, OOMKills: new(uint64(1)), Processes: new(2)}
	}
	for _, most := range []int{containers, 2, 0} {
		s := newSampler(configOf(dir))
		s.maxOpen = most * resources.WatchedFiles
		before := openFiles(t)
		var limits [containers]int // how often they were read
		for usage := range uint64(2 * fullEvery) {
			var want []fact.Reading
			for i := range containers {
				write(i, "memory.current", fmt.Sprintln(usage))
				want = append(want, reading(fmt.Sprint(i), usage))
			}
			got, gone := s.readings(live, false)
			for i, r := range got {
				if r.Limits == nil {
					continue
				}
				limits[i]++
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
		for i, n := range limits {
			if n < 2 || n > 3 { // when it was first seen, and every fourth time
				t.Errorf("the limits of %d were read %d times", i, n)
			}
		}
		// A new limit and a new process show in a few readings.
		for i := range containers {
			write(i, "memory.max", "65536\n")
			write(i, "cgroup.procs", "10\n")
		}
		var got []fact.Reading
		for range fullEvery {
			got, _ = s.readings(live, false)
		}
		for _, r := range got {
			if r.Limits != nil && r.Limits.Memory.Unlimited || r.Unlimited || r.LimitBytes == nil || *r.LimitBytes != 65536 || *r.Processes != 1 {
				t.Errorf("at most %d open: %+v", most, r)
			}
		}
		if got, _ := s.readings(nil, false); len(got) > 0 || openFiles(t) != before || len(s.watched) > 0 {
			t.Errorf("of none: %v, %d files open, %d before", got, openFiles(t), before)
		}
		if got, _ := s.readings(live, false); len(got) != containers {
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

func TestContainerWithoutCgroupIsGone(t *testing.T) {
	s := newSampler(configOf(t.TempDir()))
	defer s.close()
	live := []model.Watched{{ID: "a", Running: true, CgroupPath: "/a"}}
	for n := 1; n <= goneAfter; n++ {
		got, gone := s.readings(live, false)
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
func TestLimitsAreReadRarelyWhereWritesAreReported(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"memory.current": "1\n", "memory.max": "max\n", "memory.events": "oom_kill 0\n", "cgroup.procs": "10\n"} {
		if err := os.MkdirAll(dir+"/a", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/a/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const turns = 2 * limitsEvery * fullEvery
	for method, want := range map[fact.Method]int{fact.MethodNone: turns / fullEvery, fact.MethodFanotify: turns / fullEvery / limitsEvery} {
		s := newSampler(configOf(dir))
		live := []model.Watched{{ID: "a", Running: true, CgroupPath: "/a"}}
		read := 0
		for range turns {
			if list, _ := s.readings(live, method != fact.MethodNone); list[0].Limits != nil {
				read++
			}
		}
		s.close()
		if read < want || read > want+1 { // the first one comes at once
			t.Errorf("%s: read %d times in %d turns, want %d", method, read, turns, want)
		}
	}
}

// While nobody looks, full readings are rarer of a container that uses what it used, but not of one whose use has changed.
func TestFullReadingsOfIdleContainersAreRare(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(dir+"/a", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/a/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("memory.max", "max\n")
	write("memory.events", "oom_kill 0\n")
	const readings = 4 * idleEvery
	live := []model.Watched{{ID: "a", Running: true, CgroupPath: "/a"}}
	for _, test := range []struct {
		name                          string
		slow, writesReported, changes bool
		want                          int
	}{
		{"nobody looks", true, true, false, readings * int(slowInterval/Interval) / idleEvery},
		{"nobody looks, and it uses more and more", true, true, true, readings},
		{"nobody looks, and limits are found only by reading them", true, false, false, readings},
		{"somebody looks", false, true, false, readings / fullEvery},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSampler(configOf(dir))
			defer s.close()
			s.slow = test.slow
			full := 0
			for i := range readings {
				write("memory.current", "1\n")
				if test.changes {
					write("memory.current", fmt.Sprintln(i+1))
				}
				write("cgroup.procs", strings.Repeat("1\n", i%2)) // which shows whether it was read
				before := -1
				if w := s.watched["a"]; w != nil && w.latest.Processes != nil {
					w.latest.Processes = new(before)
				}
				list, _ := s.readings(live, test.writesReported)
				if len(list) != 1 || list[0].UsageBytes == nil {
					t.Fatalf("reading %d: %+v", i, list)
				}
				if *list[0].Processes != before {
					full++
				}
			}
			if full < test.want || full > test.want+2 { // the first two come early
				t.Errorf("all of it was read %d times, want %d", full, test.want)
			}
		})
	}
}

// All of a container that did not change while nobody looked is read again as soon as somebody looks or it changes.
func TestIdleContainersAreReadFullyWhenTheyMatter(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "a", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"memory.current": "1\n", "memory.max": "max\n", "memory.events": "oom_kill 0\n", "cgroup.procs": "1\n"} {
		write(name, text)
	}
	for name, change := range map[string]func(s *sampler){
		"somebody looks":    func(s *sampler) { s.slow = false },
		"it uses something": func(*sampler) { write("memory.current", "4096\n") },
	} {
		t.Run(name, func(t *testing.T) {
			write("memory.current", "1\n")
			write("cgroup.procs", "1\n")
			s := newSampler(configOf(dir))
			defer s.close()
			s.slow = true
			live := []model.Watched{{ID: "a", Running: true, CgroupPath: "/a"}}
			for range 2 * idleEvery { // until it is known to be idle, and then to just after a full reading
				s.readings(live, true)
			}
			for was := s.watched["a"].due; s.watched["a"].due == was; {
				s.readings(live, true)
			}
			write("cgroup.procs", "1\n2\n")
			change(s)
			for n := 0; ; n++ {
				list, _ := s.readings(live, true)
				if *list[0].Processes == 2 {
					break
				}
				if n == fullEvery {
					t.Fatalf("not read again within %d readings", fullEvery)
				}
			}
		})
	}
}

// Whether a container is frozen is read with its limits: rarely where writes are reported.
func TestReadingsOfTheFreezer(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"memory.current": "4096\n", "memory.max": "max\n", "memory.events": "oom_kill 0\n", "cgroup.procs": "10\n", "cgroup.events": "frozen 1\n",
	} {
		hosttest.WriteFile(t, filepath.Join(dir, "web", name), text)
	}
	live := []model.Watched{{ID: "web", Running: true, CgroupPath: "/web"}}
	for reported, want := range map[bool]int{false: 1 + 2*limitsEvery, true: 2} {
		s := newSampler(configOf(dir))
		read := 0
		for range 2*fullEvery*limitsEvery + 2 {
			list, _ := s.readings(live, reported)
			if frozen := list[0].Frozen; frozen != nil {
				if read++; !*frozen {
					t.Error("it is not frozen")
				}
			}
		}
		s.close()
		if read != want {
			t.Errorf("writes are reported: %t; %d times read, want %d", reported, read, want)
		}
	}
	s := newSampler(configOf(dir))
	defer s.close()
	live[0].Running = false
	if list, _ := s.readings(live, false); list[0].Frozen != nil {
		t.Error("it is read before its program runs")
	}
}

// A mistake about one container costs a reading of that one: the others are read, and it begins anew.
func TestMistakeAboutOneContainer(t *testing.T) {
	dir := t.TempDir()
	var live []model.Watched
	for _, id := range []string{"a", "b", "c"} {
		if err := os.MkdirAll(filepath.Join(dir, id), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, id, "memory.current"), []byte("4096\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		live = append(live, model.Watched{ID: id, Running: true, CgroupPath: "/" + id})
	}
	cfg := configOf(dir)
	cfg.Mishaps = mishap.New(slog.New(slog.DiscardHandler))
	s := newSampler(cfg)
	before := openFiles(t)
	if list, _ := s.readings(live, false); len(list) != 3 {
		t.Fatalf("%d readings", len(list))
	}
	live[1].InitPID, live[1].OwnNet = 7, true // its traffic is to be read, and there is no reader of that
	var list []fact.Reading
	var gone []string
	for range fullEvery { // one of which is a full reading
		list, gone = s.readings(live, false)
		if len(list) < 3 {
			break
		}
	}
	if n := cfg.Mishaps.Counts()[mishap.Reading]; n == 0 || len(list) != 2 || list[0].ID != "a" || list[1].ID != "c" || len(gone) != 0 {
		t.Errorf("%d mistakes, %d readings, gone %v", n, len(list), gone)
	}
	live[1].InitPID, live[1].OwnNet = 0, false
	if list, _ := s.readings(live, false); len(list) != 3 {
		t.Errorf("afterwards %d readings", len(list))
	}
	s.close()
	if after := openFiles(t); after != before {
		t.Errorf("%d open files, before %d", after, before)
	}
}

// A container that is starting and has no limit may be given one yet: that it has none is unknown. The own program of some never starts on this
// kernel; in the end they have none.
func TestLimitOfAStartingContainer(t *testing.T) {
	for _, test := range []struct {
		name, limit string
		starting    bool
		unlimited   bool // at the first reading
	}{
		{"it starts", "max\n", true, false},
		{"it starts with a limit", "65536\n", true, false},
		{"it runs", "max\n", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"memory.current": "4096\n", "memory.max": test.limit, "memory.events": "oom_kill 0\n", "cgroup.procs": "50\n"} {
				hosttest.WriteFile(t, filepath.Join(dir, "web", name), text)
			}
			s := newSampler(configOf(dir))
			defer s.close()
			live := []model.Watched{{ID: "web", CgroupPath: "/web", Starting: test.starting, Running: !test.starting}}
			limited := test.limit != "max\n"
			for i := range 2 * startsWithin {
				list, _ := s.readings(live, false)
				if len(list) != 1 || (list[0].LimitBytes != nil) != limited {
					t.Fatalf("reading %d: %+v", i, list)
				}
				switch unlimited := list[0].Unlimited; {
				case i < startsWithin && unlimited != test.unlimited, i > startsWithin+fullEvery && unlimited == limited:
					t.Fatalf("reading %d: unlimited is %v", i, unlimited)
				}
			}
		})
	}
}
