package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/store"
)

// writesTest is a follower of writes on a made-up host, whose loop takes what it reports.
type writesTest struct {
	*writeFollower

	t     *testing.T
	dir   string // of the unified hierarchy
	facts chan fact.Fact
}

func newWritesTest(t *testing.T) *writesTest {
	t.Helper()
	proc := t.TempDir()
	w := &writesTest{t: t, dir: t.TempDir(), facts: make(chan fact.Fact, 64)}
	for path, text := range map[string]string{
		"stat": "cpu  1 2 3\n", "self/comm": "nsviz\n", "80/comm": "kubelet\n", "80/cgroup": "0::/\n", "81/comm": "sh\n", "81/cgroup": "0::/\n",
	} {
		w.write(filepath.Join(proc, path), text)
	}
	for _, path := range []string{"/", "/a", "/b"} {
		w.set(path, "memory.max", "100")
		w.set(path, "pids.max", "10")
	}
	fs, err := host.Open(host.Roots{Proc: proc, Cgroup: w.dir})
	if err != nil {
		t.Fatal(err)
	}
	p := &Pipeline{
		fs: fs, hostPIDs: true, now: time.Now, inputs: make(chan message), live: store.NewLive(model.DefaultLimits()),
		tracker: container.NewTracker(container.NewDirectory(1), nil),
		layout:  cgroupfs.Layout{Version: cgroupfs.V2, Dir: w.dir, Root: "/", Whole: true, HasMemory: true},
	}
	p.cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	p.cfg.Sinks = []func(fact.Fact){func(f fact.Fact) {
		if f.Event == nil && f.Cgroups == nil { // which are of cgroups that nothing else has reported
			w.facts <- f
		}
	}}
	w.writeFollower = newWriteFollower(p, func() {})
	w.shortest = time.Millisecond
	ended := make(chan struct{})
	go func() {
		for m := range p.inputs {
			m.handle(p)
		}
		close(ended)
	}()
	t.Cleanup(func() {
		close(p.inputs)
		<-ended
	})
	return w
}

func (w *writesTest) write(path, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// set writes to a cgroup's file.
func (w *writesTest) set(path, file, value string) {
	w.t.Helper()
	w.write(filepath.Join(w.dir, path, file), value+"\n")
}

// reported words what is reported of a write or of the watch.
func reported(f fact.Fact) string {
	if f.Probes != nil {
		i := slices.IndexFunc(f.Probes, func(p fact.Probe) bool { return p.Name == fact.ProbeCgroupWrites })
		return string(f.Probes[i].Method) + " " + f.Probes[i].Reason
	}
	if f.CgroupWrite == nil {
		return "?"
	}
	words := []string{f.CgroupWrite.Path}
	if by := f.CgroupWrite.By; by != nil {
		words = append(words, fmt.Sprintf("%s/%d", by.Comm, by.PID))
	}
	for _, by := range f.CgroupWrite.ByAnyOf {
		words = append(words, fmt.Sprintf("or %s/%d", by.Comm, by.PID))
	}
	if l := f.CgroupWrite.Limits; l != nil {
		for _, r := range fact.Resources() {
			if l.Of(r) != nil {
				words = append(words, fmt.Sprintf("%s %v", r, *l.Of(r).Value))
			}
		}
	} else {
		words = append(words, "moved")
	}
	if !f.CgroupWrite.After.IsZero() {
		words = append(words, "reread")
	}
	return strings.Join(words, " ")
}

func TestWritersOfOneLimit(t *testing.T) {
	memoryOf := func(path string, pid int32) cgroupfs.Write {
		return cgroupfs.Write{Path: path, Changes: cgroupfs.MemoryLimit, PID: pid}
	}
	pidsOf := func(path string, pid int32) cgroupfs.Write {
		return cgroupfs.Write{Path: path, Changes: cgroupfs.PIDsLimit, PID: pid}
	}
	type batch struct {
		writes []cgroupfs.Write
		set    string // the memory limit of /a is set to that while limits are read, just before these writes show
	}
	for _, test := range []struct {
		name    string
		batches []batch // what is written, and what shows after that
		want    []string
		left    int
	}{
		{"one", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 80)}}}, []string{"/a kubelet/80 memory 100"}, 0},
		{
			"one, of both limits", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 80), pidsOf("/a", 80), memoryOf("/a", 80)}}},
			[]string{"/a kubelet/80 memory 100 pids 10"}, 0,
		},
		{
			"two of the same limit", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 80), memoryOf("/a", 81)}}},
			[]string{"/a or kubelet/80 or sh/81 memory 100"}, 0,
		},
		{
			"two of two limits", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 80), pidsOf("/a", 81)}}},
			[]string{"/a kubelet/80 memory 100", "/a sh/81 pids 10"}, 0,
		},
		{
			"two of two cgroups", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 80), memoryOf("/b", 81)}}},
			[]string{"/a kubelet/80 memory 100", "/b sh/81 memory 100"}, 0,
		},
		{
			"the second shows while the limit of the first is read",
			[]batch{{writes: []cgroupfs.Write{memoryOf("/a", 80)}}, {writes: []cgroupfs.Write{memoryOf("/a", 81)}, set: "200"}},
			[]string{"/a or kubelet/80 or sh/81 memory 200"}, 0,
		},
		{
			"another limit shows meanwhile",
			[]batch{{writes: []cgroupfs.Write{memoryOf("/a", 80)}}, {writes: []cgroupfs.Write{pidsOf("/a", 81), memoryOf("/b", 81)}}},
			[]string{"/a kubelet/80 memory 100"}, 2,
		},
		{
			"one that has ended, and another", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 999), memoryOf("/a", 81)}}},
			[]string{"/a or /999 or sh/81 memory 100"}, 0,
		},
		{"one that has ended", []batch{{writes: []cgroupfs.Write{memoryOf("/a", 999)}}}, []string{"/a memory 100"}, 0},
		{
			"moves have each their author", []batch{{writes: []cgroupfs.Write{
				{Path: "/a", Changes: cgroupfs.Membership, PID: 80}, {Path: "/a", Changes: cgroupfs.Membership, PID: 81},
			}}},
			[]string{"/a kubelet/80 moved", "/a sh/81 moved"}, 0,
		},
		{
			"without end",
			[]batch{
				{writes: []cgroupfs.Write{memoryOf("/a", 80)}}, {writes: []cgroupfs.Write{memoryOf("/a", 80)}, set: "200"},
				{writes: []cgroupfs.Write{memoryOf("/a", 80)}, set: "300"}, {writes: []cgroupfs.Write{memoryOf("/a", 80)}, set: "400"},
				{writes: []cgroupfs.Write{memoryOf("/a", 81)}, set: "500"},
			},
			[]string{"/a or kubelet/80 or sh/81 memory 400"}, 1,
		},
		{"gone", []batch{{writes: []cgroupfs.Write{memoryOf("/c", 80)}}}, nil, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWritesTest(t)
			more := test.batches[1:]
			left, lost, err := w.handle(test.batches[0].writes, func() ([]cgroupfs.Write, bool, error) {
				if len(more) == 0 {
					return nil, false, nil
				}
				next := more[0]
				more = more[1:]
				if next.set != "" {
					w.set("/a", "memory.max", next.set)
				}
				return next.writes, false, nil
			})
			w.p.ask(call(func(*Pipeline) {}))
			var got []string
			for range len(w.facts) {
				got = append(got, reported(<-w.facts))
			}
			if diff := cmp.Diff(test.want, got); diff != "" || lost || err != nil || len(left) != test.left {
				t.Errorf("%v is left, lost: %t, %v; -want +got:\n%s", left, lost, err, diff)
			}
		})
	}
}

// brokenSource is a watch that fails at once.
type brokenSource struct{ err error }

func (s brokenSource) Next() ([]cgroupfs.Write, bool, error)    { return nil, false, s.err }
func (s brokenSource) Pending() ([]cgroupfs.Write, bool, error) { return nil, false, s.err }
func (s brokenSource) WithoutHandles() error                    { return nil }
func (s brokenSource) Close()                                   {}

// oldSource is one of a kernel without handles of cgroups.
type oldSource struct{ brokenSource }

func (s oldSource) WithoutHandles() error { return unix.ENODEV }

// openSource is one that has some writes, and then none until it is closed.
type openSource struct {
	brokenSource

	list   []cgroupfs.Write
	closed chan struct{}
}

func (s *openSource) Next() ([]cgroupfs.Write, bool, error) {
	if list := s.list; list != nil {
		s.list = nil
		return list, false, nil
	}
	<-s.closed
	return nil, false, os.ErrClosed
}

func (s *openSource) Pending() ([]cgroupfs.Write, bool, error) { return nil, false, nil }

func (s *openSource) Close() {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
}

// A watch that fails is opened again, until that works; meanwhile its status says so. Then all limits are read.
func TestFailedWatchIsOpenedAgain(t *testing.T) {
	for _, test := range []struct {
		name   string
		first  writeSource
		err    error // of opening the first
		passes bool
	}{
		{"it fails", brokenSource{err: unix.EIO}, nil, true},
		{"it could not be opened", nil, unix.EMFILE, true},
		{"the kernel does not have it", nil, os.NewSyscallError("fanotify_init", unix.ENOSYS), false},
		{"it is not permitted", nil, unix.EPERM, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWritesTest(t)
			last := &openSource{closed: make(chan struct{}), list: []cgroupfs.Write{{Path: "/b", Changes: cgroupfs.PIDsLimit, PID: 80}}}
			tries := 0
			w.open = func() (writeSource, error) {
				if tries++; tries < 3 {
					return nil, unix.EMFILE
				}
				return last, nil
			}
			w.p.ask(call(func(*Pipeline) {
				w.p.tell(fact.Fact{Probes: []fact.Probe{{Name: "another"}, statusOfWrites(last, test.err)}})
			}))
			began := reported(<-w.facts)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				w.follow(ctx, test.first, test.err)
				close(ended)
			}()
			defer func() {
				cancel()
				<-ended
			}()
			if !test.passes {
				<-ended
				if tries > 0 || strings.Contains(began, "tried again") {
					t.Errorf("%d times opened again after %q", tries, began)
				}
				return
			}
			if test.err != nil && !strings.HasSuffix(began, "; it is tried again") {
				t.Errorf("began with %q", began)
			}
			var got []string
			for len(got) == 0 || !strings.Contains(got[len(got)-1], "kubelet") {
				got = append(got, reported(<-w.facts))
			}
			const says = "; changes are found up to two seconds late, only those of containers, and not by whom; it is tried again"
			want := []string{
				"none fanotify: " + unix.EMFILE.Error() + says, "fanotify ",
				"/ memory 100 pids 10 reread", "/a memory 100 pids 10 reread", "/b memory 100 pids 10 reread", "/b kubelet/80 pids 10",
			}
			if test.err == nil {
				want = append([]string{"none fanotify: " + unix.EIO.Error() + says}, want...)
			} else {
				want = want[1:] // as it was
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestStatusOfWrites(t *testing.T) {
	if s := statusOfWrites(oldSource{}, nil); s.Method != fact.MethodFanotify || !strings.Contains(s.Reason, "(no such device)") {
		t.Errorf("%+v", s)
	}
	if s := statusOfWrites(brokenSource{}, nil); s.Method != fact.MethodFanotify || s.Reason != "" {
		t.Errorf("%+v", s)
	}
	if s := statusOfWrites(nil, errors.New("no")); s.Method != fact.MethodNone || !slices.Equal(s.RuledOut, []fact.Method{fact.MethodFanotify}) || !strings.HasPrefix(s.Reason, "fanotify: no; ") {
		t.Errorf("%+v", s)
	}
}
