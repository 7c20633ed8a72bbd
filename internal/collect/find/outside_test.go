package find

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
)

// outsideTest is a made-up host with cgroup v1: the hierarchies of memory, which is tracked, and of processes.
type outsideTest struct {
	t                  *testing.T
	proc, memory, pids string
	*Finder
}

const outsideID = "28473c53aa01f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899"

func newOutsideTest(t *testing.T) *outsideTest {
	t.Helper()
	o := &outsideTest{t: t, proc: t.TempDir(), memory: t.TempDir(), pids: t.TempDir()}
	o.write(o.proc+"/stat", "cpu  1 2 3\n")
	o.write(o.proc+"/self/comm", "nsviz\n")
	fs, err := host.Open(host.Roots{Proc: o.proc})
	if err != nil {
		t.Fatal(err)
	}
	o.Finder = New(Config{Machine: fs.Machine, Proc: fs.Proc, NS: fs.NS, Mounts: fs.Mounts, OwnMnt: 1, HostPIDs: true, Layout: cgroupfs.Layout{
		Version: cgroupfs.V1, Controller: "memory", HierarchyID: 4, Dir: o.memory, Root: "/", Whole: true, HasMemory: true,
		Others: map[string]cgroupfs.Layout{"pids": {Version: cgroupfs.V1, Controller: "pids", HierarchyID: 5, Dir: o.pids, Root: "/", Whole: true}},
	}, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	for _, dir := range []string{o.memory, o.pids} {
		o.write(dir+"/docker/"+outsideID+"/cgroup.procs", "")
	}
	return o
}

func (o *outsideTest) write(path, text string) {
	o.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		o.t.Fatal(err)
	}
}

// process makes a process of the container: in its cgroup of the hierarchy of processes, and in a cgroup of memory.
// inside is its number in its own PID namespace; 0 is that it has none.
func (o *outsideTest) process(pid, inside int, comm, memory string, mnt uint64, started int) {
	o.t.Helper()
	dir := fmt.Sprintf("%s/%d", o.proc, pid)
	o.write(dir+"/stat", fmt.Sprintf("%d (%s) S 1 %s %d 0\n", pid, comm, strings.Repeat(" 0", 17), started))
	nspid := fmt.Sprint(pid)
	if inside > 0 {
		nspid += fmt.Sprintf("\t%d", inside)
	}
	o.write(dir+"/status", fmt.Sprintf("Name:\t%s\nTgid:\t%d\nPPid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t%s\n", comm, pid, nspid))
	own := "/docker/" + outsideID
	o.write(dir+"/cgroup", fmt.Sprintf("5:pids:%s\n4:memory:%s\n", own, memory))
	if err := os.MkdirAll(dir+"/ns", 0o755); err != nil {
		o.t.Fatal(err)
	}
	for _, kind := range event.NamespaceTypes() {
		if err := os.Symlink(fmt.Sprintf("%s:[%d]", kind, mnt), dir+"/ns/"+kind.String()); err != nil {
			o.t.Fatal(err)
		}
	}
	o.add(o.pids+own, pid)
	if strings.HasPrefix(memory, own) {
		o.add(o.memory+memory, pid)
	}
}

// relink puts a process into another namespace, and out of the container's cgroup.
func (o *outsideTest) relink(pid int, kind event.NamespaceType, id uint64) {
	o.t.Helper()
	o.write(o.pids+"/docker/"+outsideID+"/cgroup.procs", "50\n")
	link := fmt.Sprintf("%s/%d/ns/%s", o.proc, pid, kind)
	if err := os.Remove(link); err != nil {
		o.t.Fatal(err)
	}
	if err := os.Symlink(fmt.Sprintf("%s:[%d]", kind, id), link); err != nil {
		o.t.Fatal(err)
	}
}

func (o *outsideTest) add(cgroup string, pid int) {
	o.t.Helper()
	have, err := os.ReadFile(cgroup + "/cgroup.procs")
	if err != nil && !os.IsNotExist(err) {
		o.t.Fatal(err)
	}
	o.write(cgroup+"/cgroup.procs", string(have)+fmt.Sprintln(pid))
}

// found words what is found of the container.
func (o *outsideTest) found() string {
	o.t.Helper()
	path := "/docker/" + outsideID
	ref, ok := container.NewParser().Parse(path)
	if !ok {
		o.t.Fatal("no container's path")
	}
	f, err := o.container(Cgroup{container.Cgroup{ID: 7, Path: path}, &ref}, hostState{mounts: func() []mountinfo.Mount { return nil }})
	switch {
	case err != nil:
		return err.Error()
	case f == nil:
		return "nothing"
	case f.Starting:
		return "starting"
	case f.Unheld != nil:
		return fmt.Sprintf("%s/%d in %s", f.InitComm, f.InitPID, f.Unheld.Cgroup)
	}
	return fmt.Sprintf("%s/%d", f.InitComm, f.InitPID)
}

// A container whose PID 1 is in another cgroup of the tracked hierarchy is found by its cgroup in another one.
func TestFindOutside(t *testing.T) {
	const own, theirs = "/docker/" + outsideID, 40
	for _, test := range []struct {
		name string
		make func(o *outsideTest)
		want string
	}{
		{"no process", func(*outsideTest) {}, "nothing"},
		{"in its cgroup", func(o *outsideTest) { o.process(50, 1, "app", own, theirs, 9) }, "app/50"},
		{"below its cgroup", func(o *outsideTest) { o.process(50, 1, "app", own+"/unit", theirs, 9) }, "app/50"},
		{"in another one", func(o *outsideTest) { o.process(50, 1, "app", "/", theirs, 9) }, "app/50 in /"},
		{"in another one, and others are still in its own", func(o *outsideTest) {
			o.process(50, 1, "app", "/elsewhere", theirs, 9)
			o.process(51, 2, "worker", own, theirs, 10)
		}, "app/50 in /elsewhere"},
		{"another process is in another one", func(o *outsideTest) {
			o.process(50, 1, "app", own, theirs, 9)
			o.process(51, 2, "worker", "/", theirs, 10)
		}, "app/50"},
		{"without a PID namespace", func(o *outsideTest) {
			o.process(50, 0, "app", "/", theirs, 9)
			o.process(51, 0, "worker", own, theirs, 10)
		}, "app/50 in /"},
		{"without a PID namespace, another process", func(o *outsideTest) {
			o.process(50, 0, "app", own, theirs, 9)
			o.process(51, 0, "worker", "/", theirs, 10)
		}, "app/50"},
		{"in another one, on v2", func(o *outsideTest) {
			o.cfg.Layout.Others = nil
			o.process(50, 1, "app", "/", theirs, 9)
		}, "nothing"}, // but the engine may know
		{"in another one, and others are still in its own, on v2", func(o *outsideTest) {
			o.cfg.Layout.Others = nil
			o.process(50, 1, "app", "/", theirs, 9)
			o.process(51, 2, "worker", own, theirs, 10)
			o.process(52, 1, "another", "/", 41, 8)
		}, "app/50 in /"},
		{"another process is in another one, on v2", func(o *outsideTest) {
			o.cfg.Layout.Others = nil
			o.process(50, 1, "app", own, theirs, 9)
			o.process(51, 2, "worker", "/", theirs, 10)
		}, "app/50"},
		{"in the PID namespace of another container", func(o *outsideTest) {
			o.process(50, 7, "app", own, theirs, 10)
			o.process(40, 1, "web", "/docker/another", theirs, 9)
			o.relink(40, event.Mnt, 39)
		}, "app/50"},
		{"the runtime is about to come in", func(o *outsideTest) { o.process(50, 1, "runc:[2:INIT]", "/", 1, 9) }, "nothing"},
	} {
		o := newOutsideTest(t)
		test.make(o)
		if got := o.found(); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// The process that an engine names must be one that can be it.
func TestInitAt(t *testing.T) {
	boot := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	o := newOutsideTest(t)
	o.process(50, 1, "app", "/", 40, 6000) // a minute after the boot
	o.process(51, 0, "sshd", "/", 1, 6000)
	for _, test := range []struct {
		name string
		init engine.Init
		want bool
	}{
		{"it is it", engine.Init{PID: 50, Started: boot.Add(62 * time.Second)}, true},
		{"nobody knows when", engine.Init{PID: 50}, true},
		{"of another time", engine.Init{PID: 50, Started: boot.Add(time.Hour)}, false},
		{"gone", engine.Init{PID: 52, Started: boot.Add(62 * time.Second)}, false},
		{"in nsviz's own mount namespace", engine.Init{PID: 51, Started: boot.Add(62 * time.Second)}, false},
	} {
		if proc, ok := o.initAt(test.init, hostState{boot: boot}); ok != test.want || ok && proc.Comm != "app" {
			t.Errorf("%s: %t, %+v", test.name, ok, proc)
		}
	}
}
