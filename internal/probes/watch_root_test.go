//go:build root

package probes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

func hostLayout(t testing.TB) cgroupfs.Layout {
	t.Helper()
	host, err := host.Open(host.Roots{})
	if err != nil {
		t.Fatal(err)
	}
	layout, err := host.Cgroups.Layout()
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

func hostConfig(t testing.TB) Config {
	t.Helper()
	layout := hostLayout(t)
	return Config{
		Hierarchy: layout.HierarchyID, Unified: layout.Controller == "", OwnMntNamespace: namespaceID(t, "self", "mnt"),
		Clock: fixedClock,
	}
}

// namespaceID returns the number in /proc, which anybody can read.
func namespaceID(t testing.TB, pid, link string) uint64 {
	t.Helper()
	target, err := os.Readlink("/proc/" + pid + "/ns/" + link)
	if err != nil {
		t.Fatal(err)
	}
	return inodeOf(t, target)
}

// inodeOf extracts the number from "mnt:[4026531841]".
func inodeOf(t testing.TB, link string) uint64 {
	t.Helper()
	var id uint64
	for i := range link {
		if link[i] == '[' {
			if _, err := fmt.Sscanf(link[i:], "[%d]", &id); err != nil {
				t.Fatalf("%q: %v", link, err)
			}
			return id
		}
	}
	t.Fatalf("%q names no namespace", link)
	return 0
}

// watch holds the events of one set of probes or several, as one test sees them. Its own reports are those
// of the first set.
type watch struct {
	*stream
	streams []*stream // the first among them
	t       *testing.T
}

// stream holds what a set of probes has reported. Several tests may look at it, one after the other.
type stream struct {
	*Probes
	way string // how they hook the kernel

	mu     sync.Mutex
	events []event.Event
	errors map[fact.ErrorPlace]uint64
	more   chan struct{} // signalled after changes
}

// hostTypes caches the types of this kernel for all tests: reading them takes half a second on an emulated machine.
var hostTypes = btf.NewCache()

// openProbes opens probes by the given methods alone; without any by the best.
func openProbes(t *testing.T, cfg Config, methods ...fact.Method) *Probes {
	t.Helper()
	cfg.Methods = methods
	p, err := openWith(cfg, hostTypes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// everyWay lists the different ways in which this host can be hooked: by its best methods, and by those
// that remain when fewer and fewer may be used.
func everyWay(t *testing.T) [][]fact.Method {
	t.Helper()
	facts := Gather(hostTypes)
	var ways [][]fact.Method
	var before []Choice
	for n := range Methods() {
		plan, err := NewPlan(facts.only(Methods()[n:]))
		if errors.Is(err, ErrNotSupported) && n > 2 {
			break // tracepoints alone do not report everything
		}
		if err != nil {
			t.Fatal(err)
		}
		same := func(a, b Choice) bool { return a.Method == b.Method }
		if n > 0 && slices.EqualFunc(plan, before, same) {
			continue
		}
		before = plan
		ways = append(ways, Methods()[n:])
	}
	return ways
}

// startWatch opens probes, a set for each way, and runs them until the test ends. Every container is
// registered with them.
func startWatch(t *testing.T, ways ...[]fact.Method) *watch {
	t.Helper()
	w := startSearching(t, ways...)
	for _, s := range w.streams {
		if err := s.Settled(); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// startSearching is startWatch before any container is registered with the probes.
func startSearching(t *testing.T, ways ...[]fact.Method) *watch {
	t.Helper()
	if len(ways) == 0 {
		ways = [][]fact.Method{nil} // the best
	}
	w := &watch{t: t}
	for _, way := range ways {
		s := &stream{Probes: openProbes(t, hostConfig(t), way...), way: "the best"}
		if len(way) > 0 {
			s.way = string(way[0])
		}
		s.more = make(chan struct{}, 1)
		w.streams = append(w.streams, s)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx, s.take) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			s.inOrder(t)
		})
	}
	w.stream = w.streams[0]
	return w
}

// in returns the same watch for another test.
func (w *watch) in(t *testing.T) *watch { return &watch{stream: w.stream, streams: w.streams, t: t} }

// of returns the watch by one way alone.
func (w *watch) of(s *stream) *watch { return &watch{stream: s, streams: []*stream{s}, t: w.t} }

// follow makes every set of probes follow an init.
func (w *watch) follow(pid int32, cgroup uint64) {
	w.t.Helper()
	for _, s := range w.streams {
		if err := s.Follow(pid, cgroup); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (s *stream) take(b Batch) {
	s.mu.Lock()
	s.events = append(s.events, b.Events...)
	if b.Errors != nil {
		s.errors = b.Errors
	}
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// inOrder checks that events were delivered in the order in which they happened, over all batches.
func (s *stream) inOrder(t *testing.T) {
	t.Helper()
	if !slices.IsSortedFunc(s.events, func(a, b event.Event) int {
		if a.Type == event.EventsLost || b.Type == event.EventsLost {
			return 0
		}
		return a.Time.Compare(b.Time)
	}) {
		t.Errorf("from %s on: events came out of order", s.way)
	}
}

// seen returns the events so far of which match is true.
func (s *stream) seen(match func(event.Event) bool) []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []event.Event
	for _, e := range s.events {
		if match(e) {
			found = append(found, e)
		}
	}
	return found
}

// errorsAt returns how many errors were reported at a place.
func (s *stream) errorsAt(place fact.ErrorPlace) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errors[place]
}

// await waits until every set of probes has reported n events of which match is true.
func (w *watch) await(what string, n int, match func(event.Event) bool) []event.Event {
	w.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for _, s := range w.streams {
		for len(s.seen(match)) < n {
			select {
			case <-s.more:
			case <-deadline.C:
				w.t.Fatalf("from %s on: only %d of %d %s", s.way, len(s.seen(match)), n, what)
			}
		}
	}
	return w.seen(match)
}

// eventually polls for a condition that nothing reports.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !ok() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// catchUp waits until everything that has happened so far has been delivered.
func (w *watch) catchUp() {
	w.t.Helper()
	w.mark()
}

// mark makes a cgroup, and waits until that is reported.
func (w *watch) mark() cgroup {
	w.t.Helper()
	c := makeCgroup(w.t, "mark")
	w.await("marks", 1, func(e event.Event) bool { return e.Type == event.CgroupCreated && e.Cgroup.ID == c.id })
	return c
}

// cgroup is one that a test has made in the tracked hierarchy.
type cgroup struct {
	t    *testing.T
	path string // in the hierarchy
	dir  string
	id   uint64
}

// makeCgroup makes a cgroup below the hierarchy's root; its processes must have ended with the test.
func makeCgroup(t *testing.T, name string) cgroup {
	t.Helper()
	return makeCgroupIn(t, "", fmt.Sprintf("nsviz-test-%d-%s", os.Getpid(), name))
}

func makeCgroupIn(t *testing.T, parent, name string) cgroup {
	t.Helper()
	layout := hostLayout(t)
	dir, err := os.MkdirTemp(layout.Dir+parent, name+"-") //nolint:usetesting // a cgroup is no temporary folder
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // what was killed in it may not have ended
		eventually(t, dir+" is empty", func() bool { return os.Remove(dir) == nil })
	})
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	return cgroup{t: t, path: parent + "/" + filepath.Base(dir), dir: dir, id: info.Sys().(*syscall.Stat_t).Ino}
}

// write does not use os.File, which opens pollable files with O_NONBLOCK: with that, kernels since
// 6.16 do not enforce a lowered limit.
func (c cgroup) write(file, value string) {
	c.t.Helper()
	fd, err := unix.Open(filepath.Join(c.dir, file), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		c.t.Fatalf("open %s of %s: %v", file, c.path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if _, err := unix.Write(fd, []byte(value)); err != nil {
		c.t.Fatalf("write %s to %s of %s: %v", value, file, c.path, err)
	}
}

// add puts a process into the cgroup.
func (c cgroup) add(p *process) {
	c.t.Helper()
	c.write("cgroup.procs", strconv.Itoa(int(p.pid)))
}
