package pipeline

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/model"
)

// outsideTest is a made-up host with cgroup v1: the hierarchies of memory, which is tracked, and of processes.
type outsideTest struct {
	t                  *testing.T
	proc, memory, pids string
	*Pipeline
}

func newOutsideTest(t *testing.T) *outsideTest {
	t.Helper()
	o := &outsideTest{t: t, proc: t.TempDir(), memory: t.TempDir(), pids: t.TempDir()}
	o.write(o.proc+"/stat", "cpu  1 2 3\n")
	o.write(o.proc+"/self/comm", "nsviz\n")
	fs, err := host.Open(host.Roots{Proc: o.proc})
	if err != nil {
		t.Fatal(err)
	}
	o.Pipeline = &Pipeline{fs: fs, hostPIDs: true, now: time.Now, layout: cgroupfs.Layout{
		Version: cgroupfs.V1, Controller: "memory", HierarchyID: 4, Dir: o.memory, Root: "/", Whole: true, HasMemory: true,
		Others: map[string]cgroupfs.Layout{"pids": {Version: cgroupfs.V1, Controller: "pids", HierarchyID: 5, Dir: o.pids, Root: "/", Whole: true}},
	}}
	o.own[event.Mnt] = 1
	o.cfg.Log = slog.New(slog.DiscardHandler)
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

func (o *outsideTest) add(cgroup string, pid int) {
	o.t.Helper()
	have, err := os.ReadFile(cgroup + "/cgroup.procs")
	if err != nil && !os.IsNotExist(err) {
		o.t.Fatal(err)
	}
	o.write(cgroup+"/cgroup.procs", string(have)+fmt.Sprintln(pid))
}

// What is charged to a cgroup that a container has left is not what it uses; nor has it ended with that cgroup.
func TestSamplerOfUnheld(t *testing.T) {
	o := newOutsideTest(t)
	path := "/docker/" + outsideID
	for name, text := range map[string]string{
		"memory.usage_in_bytes": "4096\n", "memory.limit_in_bytes": "8192\n", "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
	} {
		o.write(o.memory+path+"/"+name, text)
	}
	o.process(50, 1, "app", "/", 40, 9)
	s := newSampler(o.Pipeline)
	s.most = 0 // of an ordinary file that is open nobody can see that it is gone
	defer s.close()
	live := []model.Watched{{ID: outsideID, Running: true, CgroupPath: path, Outside: 50}}
	read := func() fact.Reading {
		t.Helper()
		list, gone := s.readings(live, false)
		if len(gone) > 0 {
			t.Fatalf("%v is gone", gone)
		}
		if len(list) == 0 {
			return fact.Reading{}
		}
		r := list[0]
		r.Limits = nil
		return r
	}
	want := fact.Reading{ID: outsideID, LimitBytes: new(uint64(8192)), OOMKills: new(uint64(0)), StuckAt: new("")}
	for range 2 * wholeEvery {
		if diff := cmp.Diff(want, read()); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
	o.add(o.memory+path, 51) // another process of it has stayed, or come
	live[0].Outside = 0
	want.UsageBytes, want.Processes = new(uint64(4096)), new(1)
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("held again: -want +got:\n%s", diff)
	}
	live[0].Outside = 50
	if err := os.RemoveAll(o.memory + path); err != nil {
		t.Fatal(err)
	}
	for range 2 * goneAfter {
		read()
	}
	if err := os.RemoveAll(o.proc + "/50"); err != nil {
		t.Fatal(err)
	}
	if _, gone := s.readings(live, false); len(gone) != 1 {
		t.Error("it lives on without its PID 1")
	}
}
