package sample

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/model"
)

// roomTest has a container /pod/web, with files of cgroup v2 or v1.
type roomTest struct {
	*sampler

	t    *testing.T
	dir  string
	v1   bool
	live []model.Watched
}

func newRoomTest(t *testing.T, v1 bool) *roomTest {
	r := &roomTest{t: t, dir: t.TempDir(), v1: v1, live: []model.Watched{{ID: "web", Running: true, CgroupPath: "/pod/web"}}}
	c := configOf(r.dir)
	if v1 {
		c.Layout.Version, c.Layout.Controller = cgroupfs.V1, "memory"
	}
	r.sampler = newSampler(c)
	t.Cleanup(r.close)
	return r
}

// set writes what a cgroup uses and may use; limit "" is none.
func (r *roomTest) set(path string, usage, inactive int, limit string) {
	r.t.Helper()
	names := []string{"memory.current", "memory.max", "memory.events"}
	stat := fmt.Sprintf("anon 1\ninactive_file %d\nactive_file 5\n", inactive)
	none := "max"
	if r.v1 {
		names = []string{"memory.usage_in_bytes", "memory.limit_in_bytes", "memory.oom_control"}
		stat = fmt.Sprintf("inactive_file 1\ntotal_inactive_file %d\n", inactive) // the first is the cgroup's alone
		none = "9223372036854771712"
	}
	if limit == "" {
		limit = none
	}
	for i, text := range []string{fmt.Sprintln(usage), limit + "\n", "oom_kill 0\n"} {
		hosttest.WriteFile(r.t, filepath.Join(r.dir, path, names[i]), text)
	}
	hosttest.WriteFile(r.t, filepath.Join(r.dir, path, "memory.stat"), stat)
	hosttest.WriteFile(r.t, filepath.Join(r.dir, path, "cgroup.procs"), "10\n")
}

func (r *roomTest) check(what string, workingSet *uint64, room *fact.MemoryRoom) {
	r.t.Helper()
	list, _ := r.readings(r.live, true)
	if len(list) != 1 {
		r.t.Fatalf("%s: read %+v", what, list)
	}
	if diff := cmp.Diff(workingSet, list[0].WorkingSetBytes); diff != "" {
		r.t.Errorf("%s: working set (-want +got):\n%s", what, diff)
	}
	if diff := cmp.Diff(room, list[0].Room); diff != "" {
		r.t.Errorf("%s: room (-want +got):\n%s", what, diff)
	}
}

func TestRoomIsThatOfTheNearestLimit(t *testing.T) {
	for _, v1 := range []bool{false, true} {
		t.Run(fmt.Sprintf("v1=%t", v1), func(t *testing.T) {
			r := newRoomTest(t, v1)
			r.set("/", 9000, 0, "")
			r.set("/pod", 600, 100, "1000")
			r.set("/pod/web", 300, 50, "400")
			r.check("its own", new(uint64(250)), &fact.MemoryRoom{Cgroup: "/pod/web", LimitBytes: 400, WorkingSetBytes: 250})
			r.set("/pod", 760, 100, "1000")
			r.check("its own, though its pod is a little nearer", new(uint64(250)), &fact.MemoryRoom{Cgroup: "/pod/web", LimitBytes: 400, WorkingSetBytes: 250})
			r.set("/pod", 900, 100, "1000")
			r.check("that of its pod", new(uint64(250)), &fact.MemoryRoom{Cgroup: "/pod", LimitBytes: 1000, WorkingSetBytes: 800})
			r.set("/pod/web", 300, 50, "")
			for range fullEvery { // its own limit is read rarely
				_, _ = r.readings(r.live, true)
			}
			r.check("that of its pod alone", new(uint64(250)), &fact.MemoryRoom{Cgroup: "/pod", LimitBytes: 1000, WorkingSetBytes: 800})
		})
	}
}

func TestRoomFarFromItsLimitIsReadRarely(t *testing.T) {
	r := newRoomTest(t, false)
	r.set("/", 9000, 0, "")
	r.set("/pod", 300, 0, "")
	r.set("/pod/web", 300, 50, "1000")
	room := &fact.MemoryRoom{Cgroup: "/pod/web", LimitBytes: 1000, WorkingSetBytes: 250}
	read := 0
	for range 3 * fullEvery {
		list, _ := r.readings(r.live, true)
		if got := list[0]; got.Room != nil {
			read++
			if diff := cmp.Diff(room, got.Room); diff != "" || *got.WorkingSetBytes != 250 {
				t.Errorf("%+v\n%s", got, diff)
			}
		}
	}
	if read < 3 || read > 4 {
		t.Errorf("read %d times in %d readings", read, 3*fullEvery)
	}
	// Another usage is near the limit, and is read at once. The files of a usage that stays are not read again.
	r.set("/pod/web", 800, 90, "1000")
	room.WorkingSetBytes = 710
	r.check("near", new(uint64(710)), room)
	r.set("/pod/web", 800, 95, "1000")
	r.check("as before", new(uint64(710)), room)
	if _, _ = r.readings(nil, true); len(r.domains) > 0 {
		t.Errorf("of none it keeps %v", r.domains)
	}
}

func TestNextVictimIsFoundNearTheLimit(t *testing.T) {
	r := newRoomTest(t, false)
	proc := t.TempDir()
	now := time.Unix(1000, 0)
	r.Now = func() time.Time { return now }
	r.Proc, r.Resources = procfs.New(pseudofs.Proc(proc)), resources.New(pseudofs.Proc(proc))
	hosttest.WriteFile(t, proc+"/meminfo", "SwapTotal: 0 kB\n")
	hosttest.WriteFile(t, proc+"/sys/vm/swappiness", "60\n")
	size := func(pid, pages int) {
		dir := fmt.Sprintf("%s/%d/", proc, pid)
		hosttest.WriteFile(t, dir+"status", fmt.Sprintf("Name:\tp%d\nVmRSS:\t%d kB\n", pid, pages*os.Getpagesize()>>10))
		hosttest.WriteFile(t, dir+"oom_score_adj", "0\n")
		hosttest.WriteFile(t, dir+"oom_score", "667\n")
	}
	const limit = 100 << 20
	r.set("/", 9000, 0, "")
	r.set("/pod", 89<<20, 0, fmt.Sprint(limit))
	r.set("/pod/web", 40<<20, 0, "")
	hosttest.WriteFile(t, r.dir+"/pod/cgroup.procs", "")
	r.set("/pod/db", 40<<20, 0, "")
	hosttest.WriteFile(t, r.dir+"/pod/db/cgroup.procs", "11\n")
	size(10, 500)
	size(11, 700)
	check := func(what string, pid int32) {
		t.Helper()
		list, _ := r.readings(r.live, true)
		var got int32
		if v := list[0].NextVictim; v != nil {
			got = v.PID
		}
		if got != pid {
			t.Errorf("%s: %d, want %d", what, got, pid)
		}
	}
	check("far from the limit", 0)
	r.set("/pod", 99<<20, 10<<20, fmt.Sprint(limit))
	check("far from the limit but for files", 0)
	r.set("/pod", 95<<20, 2<<20, fmt.Sprint(limit))
	check("in the other container of the pod", 11)
	size(11, 300)
	now = now.Add(victimInterval - 1)
	check("less than a second later", 11)
	now = now.Add(1)
	check("a second later", 10)
	r.set("/pod", 50<<20, 0, fmt.Sprint(limit))
	check("after a kill", 0)
}

// Before Linux 5.11 a cgroup could be set to ignore the limits of those above it.
func TestRoomAboveThatDoesNotApply(t *testing.T) {
	r := newRoomTest(t, true)
	r.set("/", 9000, 0, "")
	r.set("/pod", 990, 0, "1000")
	r.set("/pod/web", 100, 0, "400")
	hosttest.WriteFile(t, r.dir+"/pod/web/memory.use_hierarchy", "0\n")
	r.check("its own", new(uint64(100)), &fact.MemoryRoom{Cgroup: "/pod/web", LimitBytes: 400, WorkingSetBytes: 100})
}
