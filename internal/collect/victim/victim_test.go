package victim

import (
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// victimTest is a host with a cgroup /pod, whose limit is 100,000 pages, and cgroups in it.
type victimTest struct {
	Reader

	t         *testing.T
	proc, dir string
}

func newVictimTest(t *testing.T) *victimTest {
	v := &victimTest{t: t, proc: t.TempDir(), dir: t.TempDir()}
	hosttest.WriteFile(t, v.proc+"/meminfo", "SwapTotal: 0 kB\n")
	hosttest.WriteFile(t, v.proc+"/sys/vm/swappiness", "60\n")
	hosttest.WriteFile(t, v.dir+"/pod/memory.max", fmt.Sprintln(100_000*os.Getpagesize()))
	v.Reader = Reader{
		Proc: procfs.New(pseudofs.Proc(v.proc)), Resources: resources.New(pseudofs.Proc(v.proc)),
		Layout: cgroupfs.Layout{Version: cgroupfs.V2, Dir: v.dir, Root: "/", Whole: true},
	}
	return v
}

// process is one in a cgroup. score is the kernel's own, of the whole host.
type process struct {
	pid, pages, adj, score int
	cgroup                 string
}

func (v *victimTest) run(list ...process) {
	v.t.Helper()
	procs := map[string]string{"/pod": ""}
	for _, p := range list {
		dir := fmt.Sprintf("%s/%d/", v.proc, p.pid)
		memory := ""
		if p.pages > 0 {
			memory = fmt.Sprintf("VmRSS:\t%d kB\n", p.pages*os.Getpagesize()>>10)
		}
		hosttest.WriteFile(v.t, dir+"status", fmt.Sprintf("Name:\tp%d\n%s", p.pid, memory))
		hosttest.WriteFile(v.t, dir+"oom_score_adj", fmt.Sprintln(p.adj))
		hosttest.WriteFile(v.t, dir+"oom_score", fmt.Sprintln(p.score))
		procs[p.cgroup] += fmt.Sprintln(p.pid)
	}
	for cgroup, pids := range procs {
		hosttest.WriteFile(v.t, v.dir+cgroup+"/cgroup.procs", pids)
	}
}

func TestNextVictim(t *testing.T) {
	for _, test := range []struct {
		name string
		list []process
		want *fact.NextVictim
	}{
		{"none", nil, nil},
		{"the largest", []process{{10, 500, 0, 667, "/pod/a"}, {11, 700, 0, 668, "/pod/a"}, {12, 600, 0, 667, "/pod/b"}},
			&fact.NextVictim{PID: 11, Comm: "p11", Cgroup: "/pod/a", ScorePages: 700}},
		{"in any cgroup below", []process{{10, 500, 0, 667, "/pod/a"}, {11, 700, 0, 668, "/pod/a/inner"}, {12, 800, 0, 667, "/pod"}},
			&fact.NextVictim{PID: 12, Comm: "p12", Cgroup: "/pod", ScorePages: 800}},
		{"by oom_score_adj, of the cgroup's memory", []process{{10, 5000, 0, 667, "/pod/a"}, {11, 100, 50, 700, "/pod/a"}, {12, 9000, -50, 634, "/pod/b"}},
			&fact.NextVictim{PID: 11, Comm: "p11", Cgroup: "/pod/a", ScorePages: 5100, OOMScoreAdj: 50}},
		{"below zero", []process{{10, 5000, -100, 600, "/pod/a"}, {11, 100, -999, 0, "/pod/a"}},
			&fact.NextVictim{PID: 10, Comm: "p10", Cgroup: "/pod/a", ScorePages: -5000, OOMScoreAdj: -100}},
		{"one of -999", []process{{11, 100, -999, 0, "/pod/a"}},
			&fact.NextVictim{PID: 11, Comm: "p11", Cgroup: "/pod/a", ScorePages: -99800, OOMScoreAdj: -999}},
		{"not the spared", []process{{10, 9000, -1000, 0, "/pod/a"}, {11, 7, 0, 667, "/pod/a"}},
			&fact.NextVictim{PID: 11, Comm: "p11", Cgroup: "/pod/a", ScorePages: 7}},
		{"not what the kernel spares", []process{{1, 9000, 0, 0, "/pod/a"}, {11, 7, 0, 667, "/pod/a"}},
			&fact.NextVictim{PID: 11, Comm: "p11", Cgroup: "/pod/a", ScorePages: 7}},
		{"not what has no memory", []process{{10, 0, 1000, 0, "/pod/a"}, {11, 7, 0, 667, "/pod/a"}},
			&fact.NextVictim{PID: 11, Comm: "p11", Cgroup: "/pod/a", ScorePages: 7}},
		{"nobody", []process{{10, 0, 1000, 0, "/pod/a"}, {11, 7, -1000, 0, "/pod/a"}, {1, 8, 0, 0, "/pod/a"}}, nil},
		{"the last of equals", []process{{10, 7, 0, 667, "/pod/a"}, {11, 7, 0, 667, "/pod/a"}},
			&fact.NextVictim{PID: 11, Comm: "p11", Cgroup: "/pod/a", ScorePages: 7}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVictimTest(t)
			v.run(test.list...)
			got, err := v.Next("/pod")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestNextVictimOfGroup(t *testing.T) {
	v := newVictimTest(t)
	v.run(process{10, 7, 0, 667, "/pod/a/inner"}, process{11, 6, 0, 667, "/pod/b"})
	hosttest.WriteFile(t, v.dir+"/pod/a/memory.oom.group", "1\n")
	got, err := v.Next("/pod")
	if err != nil || got == nil || got.PID != 10 || got.Group != "/pod/a" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNoNextVictimWhereTheOOMKillerIsOff(t *testing.T) {
	v := newVictimTest(t)
	v.Layout.Version, v.Layout.Controller = cgroupfs.V1, "memory"
	v.run(process{10, 7, 0, 667, "/pod/a"})
	hosttest.WriteFile(t, v.dir+"/pod/memory.limit_in_bytes", "409600000\n")
	hosttest.WriteFile(t, v.dir+"/pod/memory.swappiness", "60\n")
	for off, want := range []bool{true, false} {
		hosttest.WriteFile(t, v.dir+"/pod/memory.oom_control", fmt.Sprintf("oom_kill_disable %d\nunder_oom 0\n", off))
		if got, err := v.Next("/pod"); (got != nil) != want || err != nil {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if got, err := v.Next("/gone"); err == nil {
		t.Errorf("of one that is gone: %+v", got)
	}
}

// BenchmarkNext judges the processes of this process's own cgroup, as if the host's memory were its limit.
func BenchmarkNext(b *testing.B) {
	fs, err := host.Open(host.Roots{})
	if err != nil {
		b.Skip(err)
	}
	layout, err := fs.Cgroups.Layout()
	if err != nil {
		b.Skip(err)
	}
	path, err := fs.Cgroups.PathOf(int32(os.Getpid()), layout)
	if err != nil {
		b.Skip(err)
	}
	r := Reader{Proc: fs.Proc, Resources: fs.Resources, Layout: layout}
	list, err := r.candidates(path, 1<<20)
	if err != nil || len(list) == 0 {
		b.Fatal(list, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.candidates(path, 1<<20); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(list)), "ns/process")
}
