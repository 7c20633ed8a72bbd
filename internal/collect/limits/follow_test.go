package limits

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

// followTest is a follower on a made-up host, whose loop puts what is reported into words.
type followTest struct {
	*Follower

	t       *testing.T
	dir     string // of the unified hierarchy
	known   bool   // whether the loop knows the cgroups
	reports chan string
}

const containerID = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func newFollowTest(t *testing.T) *followTest {
	t.Helper()
	proc := t.TempDir()
	f := &followTest{t: t, dir: t.TempDir(), known: true, reports: make(chan string, 64)}
	for path, text := range map[string]string{
		"stat": "cpu  1 2 3\n", "self/comm": "nsviz\n", "80/comm": "kubelet\n", "80/cgroup": "0::/\n", "81/comm": "sh\n", "81/cgroup": "0::/\n",
		"82/comm": "init\n", "82/cgroup": "0::/docker/" + containerID + "/inside\n",
	} {
		f.write(filepath.Join(proc, path), text)
	}
	for _, path := range []string{"/", "/a", "/b"} {
		f.set(path, "memory.max", "100")
		f.set(path, "pids.max", "10")
	}
	fs, err := host.Open(host.Roots{Proc: proc, Cgroup: f.dir})
	if err != nil {
		t.Fatal(err)
	}
	f.Follower = newFollower(Config{
		Proc: fs.Proc, Cgroups: fs.Cgroups, HostPIDs: true, Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Loop: f,
		Layout: cgroupfs.Layout{Version: cgroupfs.V2, Dir: f.dir, Root: "/", Whole: true, HasMemory: true},
	})
	f.minPause = time.Millisecond
	return f
}

func (f *followTest) Knows(uint64) bool         { return f.known }
func (f *followTest) Sync(context.Context)      { f.reports <- "sync" }
func (f *followTest) WatchChanged(s fact.Probe) { f.reports <- statusText(s) }
func (f *followTest) Written(w Write)           { f.reports <- writeText(w) }

// all returns what was reported.
func (f *followTest) all() (list []string) {
	for range len(f.reports) {
		list = append(list, <-f.reports)
	}
	return list
}

func statusText(s fact.Probe) string { return string(s.Method) + " " + s.Reason }

func writeText(w Write) string {
	words := []string{w.Path}
	if w.ID == 0 || w.Time.IsZero() {
		words = append(words, "incomplete")
	}
	for _, by := range w.Writers {
		text := fmt.Sprintf("%s/%d", by.Process.Comm, by.Process.PID)
		if len(w.Writers) > 1 {
			text = "or " + text
		}
		if by.CgroupPath != "" && by.CgroupPath != "/" {
			text += " in " + by.CgroupPath[:min(len(by.CgroupPath), 12)]
		}
		words = append(words, text)
	}
	switch {
	case w.Freezer != nil && w.Freezer.Frozen:
		words = append(words, "frozen")
	case w.Freezer != nil:
		words = append(words, "thawed")
		if w.Freezer.Still != nil {
			words = append(words, "but for "+strings.Join(w.Freezer.Still, " "))
		}
	case w.Limits != nil:
		for _, r := range fact.Resources() {
			if w.Limits.Of(r) != nil {
				words = append(words, fmt.Sprintf("%s %v", r, *w.Limits.Of(r).Value))
			}
		}
	default:
		words = append(words, "moved")
	}
	if !w.After.IsZero() {
		words = append(words, "reread")
	}
	return strings.Join(words, " ")
}

func (f *followTest) write(path, text string) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// set writes to a cgroup's file.
func (f *followTest) set(path, file, value string) {
	f.t.Helper()
	f.write(filepath.Join(f.dir, path, file), value+"\n")
}

// brokenWatch is a watch that fails at once.
type brokenWatch struct{ err error }

func (w brokenWatch) Next() ([]cgroupfs.Write, bool, error)    { return nil, false, w.err }
func (w brokenWatch) Pending() ([]cgroupfs.Write, bool, error) { return nil, false, w.err }
func (w brokenWatch) WithoutHandles() error                    { return nil }
func (w brokenWatch) Close()                                   {}

// oldWatch is one of a kernel without handles of cgroups.
type oldWatch struct{ brokenWatch }

func (w oldWatch) WithoutHandles() error { return unix.ENODEV }

// openWatch is one that has some writes, and then none until it is closed.
type openWatch struct {
	brokenWatch

	list   []cgroupfs.Write
	lost   bool // whether there were more
	closed chan struct{}
}

func (w *openWatch) Next() ([]cgroupfs.Write, bool, error) {
	if list := w.list; list != nil {
		w.list = nil
		return list, w.lost, nil
	}
	<-w.closed
	return nil, false, os.ErrClosed
}

func (w *openWatch) Pending() ([]cgroupfs.Write, bool, error) { return nil, false, nil }

func (w *openWatch) Close() {
	select {
	case <-w.closed:
	default:
		close(w.closed)
	}
}

// A watch that fails is opened again, until that works; meanwhile its status says so. Then all limits are read.
func TestFailedWatchIsOpenedAgain(t *testing.T) {
	for _, test := range []struct {
		name   string
		first  watch
		err    error // of opening the first
		passes bool
	}{
		{"it fails", brokenWatch{err: unix.EIO}, nil, true},
		{"it could not be opened", nil, unix.EMFILE, true},
		{"the kernel does not have it", nil, os.NewSyscallError("fanotify_init", unix.ENOSYS), false},
		{"it is not permitted", nil, unix.EPERM, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFollowTest(t)
			last := &openWatch{closed: make(chan struct{}), list: []cgroupfs.Write{{Path: "/b", Changes: cgroupfs.PIDsLimit, PID: 80}}}
			tries := 0
			f.open = func() (watch, error) {
				if tries++; tries < 3 {
					return nil, unix.EMFILE
				}
				return last, nil
			}
			f.watch, f.err = test.first, test.err
			var began string
			if f.err != nil {
				began = statusText(f.Status())
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				f.Run(ctx)
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
				got = append(got, <-f.reports)
			}
			const says = "; changes are found up to two seconds late, only those of containers, and not by whom; it is tried again"
			want := []string{
				"none fanotify: " + unix.EMFILE.Error() + says, "none fanotify: " + unix.EMFILE.Error() + says, "fanotify ",
				"/ memory 100 pids 10 reread", "/a memory 100 pids 10 reread", "/b memory 100 pids 10 reread", "/b kubelet/80 pids 10",
			}
			if test.err == nil {
				want = append([]string{"none fanotify: " + unix.EIO.Error() + says}, want...)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Writes that were lost are found by reading all limits, after those that were not.
func TestLostWritesAreRead(t *testing.T) {
	f := newFollowTest(t)
	f.watch = &openWatch{closed: make(chan struct{}), list: []cgroupfs.Write{{Path: "/b", Changes: cgroupfs.PIDsLimit, PID: 80}}, lost: true}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		f.Run(ctx)
		close(ended)
	}()
	var got []string
	for range 4 {
		got = append(got, <-f.reports)
	}
	cancel()
	<-ended
	want := []string{"/b kubelet/80 pids 10", "/ memory 100 pids 10", "/a memory 100 pids 10", "/b memory 100 pids 10"}
	if diff := cmp.Diff(want, append(got, f.all()...)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What is frozen after writes were lost is found by reading, with the topmost cgroup of what is.
func TestLostWritesToFreezersAreRead(t *testing.T) {
	f := newFollowTest(t)
	for path, state := range map[string]string{"/a": "frozen 0", "/b": "frozen 1", "/b/in": "frozen 1", "/bb": "frozen 1"} {
		f.set(path, "memory.max", "100")
		f.set(path, "cgroup.events", state)
		f.set(path, "cgroup.freeze", "0")
	}
	f.readAll(t.Context(), time.Time{})
	all := f.all()
	if got, want := all[len(all)-1], "/ thawed but for /b /bb"; got != want {
		t.Errorf("%q, want %q at the end", all, want)
	}
}
