package anatomy

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/model"
)

// madeUpHost is a host with one container on cgroup v2, whose PID 1 is process 42.
type madeUpHost struct {
	t      *testing.T
	dir    string
	fs     *host.FS
	layout cgroupfs.Layout
}

const scope = "/system.slice/docker-" + id + ".scope"

func newMadeUpHost(t *testing.T) *madeUpHost {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &madeUpHost{t: t, dir: dir}
	h.write("proc/stat", "cpu  1\n")
	h.write("proc/self/cgroup", "0::/\n")
	h.write("proc/self/mountinfo", "30 23 0:26 / "+dir+"/cgroup rw - cgroup2 cgroup2 rw\n")
	h.write("proc/1/mountinfo", "28 1 254:1 / / rw - ext4 /dev/vda1 rw\n")
	h.write("proc/1/status", "CapBnd:\t000001ffffffffff\n")
	h.write("proc/1/root/upper/file", "12345")
	h.process(42, "4200", "web", "42\t1")
	h.process(43, "4300", "wor\tker", "43\t7")
	h.write("proc/42/uid_map", "0 100000 65536\n")
	h.write("proc/42/gid_map", "0 100000 65536\n")
	h.write("proc/42/timens_offsets", "monotonic 1 0\nboottime 0 5\n")
	h.write("proc/42/net/dev", "lo: 0\n")
	h.write("proc/42/attr/current", "docker-default (enforce)\n")
	h.write("proc/42/mountinfo", "71 47 0:38 / / rw - overlay overlay rw,lowerdir=/l/A,upperdir=/upper\n"+
		"72 71 0:39 / /dev rw - tmpfs tmpfs rw\n73 71 254:1 /srv /d\\033 ro - ext4 /dev/vda1 rw\n")
	for _, folder := range []string{"proc/42/root/dev", "proc/42/ns", "proc/self/ns"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Both are in the UTS namespace of this test; its number is made up.
	for _, process := range []string{"42", "self"} {
		for name, target := range map[string]string{"uts": "uts:[5]", "uts:[5]": "/proc/self/ns/uts"} {
			if err := os.Symlink(target, filepath.Join(dir, "proc", process, "ns", name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.write("cgroup"+scope+"/cgroup.procs", "42\n43\n44\n") // 44 has just ended
	h.write("cgroup"+scope+"/pids.max", "max\n")
	if h.fs, err = host.Open(host.Roots{Proc: dir + "/proc", Cgroup: dir + "/cgroup"}); err != nil {
		t.Fatal(err)
	}
	if h.layout, err = h.fs.Cgroups.Layout(); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *madeUpHost) write(path, text string) {
	h.t.Helper()
	path = filepath.Join(h.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *madeUpHost) process(pid int, start, comm, nspid string) {
	dir := fmt.Sprint("proc/", pid)
	h.write(dir+"/stat", fmt.Sprintf("%d (%s) S 1%s %s 0\n", pid, comm, strings.Repeat(" 0", 17), start))
	h.write(dir+"/status", fmt.Sprintf("Name:\t%s\nTgid:\t%d\nPPid:\t1\nUid:\t100000\t0\t0\t0\nNSpid:\t%s\n"+
		"CapInh:\t0\nCapPrm:\t0\nCapEff:\t1\nCapBnd:\t3\nCapAmb:\t0\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n", comm, pid, nspid))
	h.write(dir+"/cgroup", "0::"+scope+"\n")
	if err := os.MkdirAll(filepath.Join(h.dir, dir, "ns"), 0o755); err != nil {
		h.t.Fatal(err)
	}
}

func (h *madeUpHost) gather() (*Anatomy, error) {
	s := &model.Snapshot{Namespaces: []model.Namespace{{Type: event.PID, ID: 7, Owner: 5, Parent: 6}}}
	c := model.Container{
		ID: id, Label: "web", Named: true, State: model.Running, InitPID: 42, InitComm: "web", CgroupPath: scope,
		Memory: model.Memory{Unlimited: true},
	}
	c.Namespaces[event.PID] = model.Membership{ID: 7, Relation: model.RelationOwn}
	c.Namespaces[event.Net] = model.Membership{ID: 8, Relation: model.RelationShared, SharedWith: model.OthersNamed("sidecar")}
	c.Namespaces[event.IPC] = model.Membership{ID: 9}
	return Gather(h.t.Context(), h.fs, h.layout, s, &c, Extra{})
}

func TestGather(t *testing.T) {
	a, err := newMadeUpHost(t).gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Unknown) > 0 {
		t.Errorf("unknown: %q", a.Unknown)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for what, diff := range map[string]string{
		"namespaces": cmp.Diff(map[event.NamespaceType]*Namespace{
			event.PID: {ID: 7, Owner: 5, Parent: 6, SharedWithHost: new(false)},
			event.Net: {ID: 8, SharedWithHost: new(false), SharedWith: []string{"sidecar"}},
			event.IPC: {ID: 9},
		}, a.Namespaces),
		"users":   cmp.Diff([]nsfs.IDRange{{Inside: 0, Outside: 100000, Count: 65536}}, a.UIDMap),
		"clocks":  cmp.Diff(&TimeOffsets{MonotonicNS: 1e9, BoottimeNS: 5}, a.TimeOffsets),
		"name":    cmp.Diff(&host, a.Hostname),
		"network": cmp.Diff(&Network{Interfaces: []Interface{{Name: "lo"}}}, a.Network),
		"pids":    cmp.Diff(&fact.Limit{Unlimited: true}, a.Resources.PIDs.Max),
		"root":    cmp.Diff(&Root{Type: "overlay", Lower: []string{"/l/A"}, Upper: "/upper", Written: &Written{Bytes: 5, Files: 1}}, a.Root),
		"mounts": cmp.Diff([]Mount{
			{Path: "/", Kind: KindRoot, Type: "overlay"}, {Path: "/dev", Kind: KindTmpfs, Type: "tmpfs"},
			{Path: "/d\x1b", Kind: KindBind, Type: "ext4", Source: "/srv", ReadOnly: true},
		}, a.Mounts),
		"devices": cmp.Diff([]Device{}, a.Devices),
		"privileges": cmp.Diff(&Privileges{
			UID: new(uint32(100000)), Seccomp: "filter", SeccompFilters: new(1), NoNewPrivs: new(true), LSM: new("docker-default (enforce)"),
			Capabilities: Capabilities{
				Bounding: []string{"cap_chown", "cap_dac_override"}, Effective: []string{"cap_chown"},
				Permitted: []string{}, Inheritable: []string{}, Ambient: []string{},
			},
		}, a.Privileges),
	} {
		if diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	if len(a.Processes) != 2 || a.Processes[0].PIDs[1] != 1 || a.Processes[1].PIDs[1] != 7 || a.Processes[1].Comm != "wor\tker" {
		t.Errorf("processes: %+v", a.Processes)
	}
}

// What is cut short or missing is unknown and listed as such. What exists is reported all the same, and no finding is based on
// what is unknown.
func TestGatherPieces(t *testing.T) {
	h := newMadeUpHost(t)
	for path, text := range map[string]string{
		"uid_map": "0 1000", "timens_offsets": "mono", "status": "Name:\tweb\n", "mountinfo": "71 47 0:38",
	} {
		h.write("proc/42/"+path, text)
	}
	for _, path := range []string{"proc/42/net", "cgroup" + scope + "/pids.max"} {
		if err := os.RemoveAll(filepath.Join(h.dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	a, err := h.gather()
	if err != nil {
		t.Fatal(err)
	}
	if a.UIDMap != nil || a.TimeOffsets != nil || a.Network != nil || a.Root != nil || a.Devices != nil || a.Resources.PIDs != nil ||
		a.Privileges.UID != nil || a.Privileges.Capabilities.Bounding != nil || a.Privileges.Seccomp != "" {
		t.Errorf("what is not there is known: %+v", a)
	}
	for _, what := range []string{"users", "clocks", "network", "devices", "process 42", "limit of processes"} {
		if !strings.Contains(strings.Join(a.Unknown, "\n"), what) {
			t.Errorf("it is not said that the %s are unknown: %q", what, a.Unknown)
		}
	}
	for _, f := range a.Findings {
		if f.ID != "no_memory_limit" && f.ID != "shared_net_namespace" { // the snapshot knows these
			t.Errorf("found on what is unknown: %+v", f)
		}
	}
	if len(a.Processes) != 1 { // 43 is intact
		t.Errorf("processes: %+v", a.Processes)
	}
}

// What is known by its namespaces alone has no cgroup: its processes are those in its PID namespace, and their memory is added up.
func TestGatherWithoutACgroup(t *testing.T) {
	h := newMadeUpHost(t)
	for pid, in := range map[int]int{42: 7, 43: 7, 1: 6} {
		if pid == 1 {
			h.process(1, "1", "systemd", "1")
		}
		if err := os.Symlink(fmt.Sprintf("pid:[%d]", in), filepath.Join(h.dir, "proc", fmt.Sprint(pid), "ns", "pid")); err != nil {
			t.Fatal(err)
		}
		h.write(fmt.Sprintf("proc/%d/smaps_rollup", pid), "Rss: 3000 kB\nPss: 1000 kB\n")
	}
	c := model.Container{ID: "pid-7", Label: "bwrap-7", Kind: event.KindSandbox, State: model.Running, InitPID: 42, InitComm: "web"}
	c.Namespaces[event.PID] = model.Membership{ID: 7, Relation: model.RelationOwn}
	s := &model.Snapshot{Host: fact.Host{Namespaces: event.NamespaceIDs{event.PID: 6}}}
	gather := func() *Anatomy {
		t.Helper()
		a, err := Gather(t.Context(), h.fs, h.layout, s, &c, Extra{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(a.Unknown, "what it may use: it has no cgroup of its own") {
			t.Errorf("unknown: %q", a.Unknown)
		}
		return a
	}
	a := gather()
	if len(a.Processes) != 2 || a.Processes[0].PID != 42 || a.Processes[1].PID != 43 || a.PSSBytes == nil || *a.PSSBytes != 2000<<10 {
		t.Errorf("%+v, memory %v", a.Processes, a.PSSBytes)
	}
	h.write("proc/43/smaps_rollup", "nonsense")
	if a = gather(); a.PSSBytes != nil || len(a.Processes) != 2 {
		t.Errorf("of memory that cannot be read: %v of %+v", *a.PSSBytes, a.Processes)
	}
	c.Namespaces[event.PID] = model.Membership{}
	if a = gather(); a.Processes != nil || a.PSSBytes != nil {
		t.Errorf("with no namespace that is known: %+v", a.Processes)
	}
}

// A container that ends meanwhile is an error, not a container with everything unknown.
func TestGatherOfTheDead(t *testing.T) {
	h := newMadeUpHost(t)
	if err := os.RemoveAll(filepath.Join(h.dir, "proc/42")); err != nil {
		t.Fatal(err)
	}
	if a, err := h.gather(); !errors.Is(err, ErrEnded) {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := Gather(t.Context(), h.fs, h.layout, &model.Snapshot{}, &model.Container{State: model.Exited}, Extra{}); err == nil {
		t.Error("one that has ended is inspected")
	}
	a, err := Gather(t.Context(), h.fs, h.layout, &model.Snapshot{}, &model.Container{State: model.Starting}, Extra{})
	if err != nil || len(a.Unknown) != 1 || len(a.Findings) != 0 || a.Privileges != nil {
		t.Errorf("one that is starting: %+v, %v", a, err)
	}
}

// A cgroup of a user that the container's user namespace lacks cannot be written to from inside, however it is mounted.
func TestCgroupsOutOfReach(t *testing.T) {
	for _, test := range []struct {
		name, uids string
		options    string
		writable   bool
	}{
		{"its root is another user outside", "0 100000 65536\n", "rw", false},
		{"its users have the one that owns it", fmt.Sprintf("0 %d 1\n", os.Getuid()), "rw", true},
		{"read-only", fmt.Sprintf("0 %d 1\n", os.Getuid()), "ro", false},
	} {
		h := newMadeUpHost(t)
		h.write("proc/42/uid_map", test.uids)
		h.write("proc/1/mountinfo", "28 1 254:1 / / rw - ext4 /dev/vda1 rw\n30 28 0:26 / "+h.dir+"/cgroup rw - cgroup2 cgroup2 rw\n")
		h.write("proc/42/mountinfo", "71 47 0:38 / / rw - overlay overlay rw\n72 71 0:26 "+scope+" /sys/fs/cgroup "+test.options+" - cgroup2 cgroup2 rw\n")
		a, err := h.gather()
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(a.Findings, func(f Finding) bool { return f.ID == "writable_cgroups" })
		if found != test.writable {
			t.Errorf("%s: found: %t, %+v", test.name, found, a.Mounts)
		}
	}
}
