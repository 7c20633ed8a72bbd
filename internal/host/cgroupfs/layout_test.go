package cgroupfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestCgroups(t *testing.T) {
	for name, want := range map[string]Layout{
		"v1":     {Version: V1, Controller: "memory", HierarchyID: 5, Dir: "/memory", Root: "/", HasMemory: true},
		"v2":     {Version: V2, Dir: "", Root: "/", HasMemory: true},
		"hybrid": {Version: Hybrid, Controller: "memory", HierarchyID: 4, Dir: "/memory", Root: "/", HasMemory: true},
	} {
		r, roots := openHost(t, name)
		got, err := r.Layout()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want.Dir = roots.Cgroup + want.Dir
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Layout{}, "Notes", "Others")); diff != "" {
			t.Error(name, diff)
		}
		// A made-up hierarchy does not have a root's inode number, and a note has to report that.
		if len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "--cgroup-root") {
			t.Errorf("%s: notes %q", name, got.Notes)
		}
	}
}

func TestCgroupsByASymbolicLink(t *testing.T) {
	_, roots := openHost(t, "v2")
	link := filepath.Join(t.TempDir(), "cgroup")
	if err := os.Symlink(roots.Cgroup, link); err != nil {
		t.Fatal(err)
	}
	r := New(pseudofs.Proc(roots.Proc), link)
	if layout, err := r.Layout(); err != nil || layout.Dir != roots.Cgroup {
		t.Errorf("got %+v, %v", layout, err)
	}
}

func TestCgroupsSaysWhatToDo(t *testing.T) {
	r, roots := openHost(t, "v2")
	mountinfo := filepath.Join(roots.Proc, "self/mountinfo")
	own, err := os.ReadFile(mountinfo)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := strings.ReplaceAll(string(own), roots.Cgroup, roots.Cgroup+"-of-another")
	for name, text := range map[string]string{"empty": "", "elsewhere": elsewhere, "cut": string(own[:len(own)/2])} {
		hosttest.WriteFile(t, mountinfo, text)
		if layout, err := r.Layout(); err == nil || !strings.Contains(err.Error(), "--cgroup-root") {
			t.Errorf("%s: %+v, %v", name, layout, err)
		}
	}
	for _, name := range []string{"self/cgroup", "self/mountinfo"} {
		if err := os.Remove(filepath.Join(roots.Proc, name)); err != nil {
			t.Fatal(err)
		}
		if layout, err := r.Layout(); !pseudofs.IsGone(err) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %+v, %v", name, layout, err)
		}
	}
}

func TestChooseHierarchy(t *testing.T) {
	v1 := func(dir, options string) cgroupMount {
		return cgroupMount{dir: dir, root: "/", whole: true, options: strings.Split(options, ",")}
	}
	part := func(m cgroupMount) cgroupMount { m.root, m.whole = "/docker/f1", false; return m }
	unified := cgroupMount{dir: "/c/unified", root: "/", whole: true, options: []string{"rw"}}
	memory, cpu, named := v1("/c/memory", "rw,memory"), v1("/c/cpu", "rw,cpu,cpuacct"), v1("/c/systemd", "rw,xattr,name=systemd")
	ids := map[string]uint32{"memory": 4, "cpu": 3, "cpuacct": 3, "net_cls": 9, "name=systemd": 1}
	second := memory
	second.dir = "/c/second"

	for name, test := range map[string]struct {
		v1, v2  []cgroupMount
		version Version
		dir     string
		id      uint32
		whole   bool
	}{
		"v1":                                 {[]cgroupMount{named, cpu, memory}, nil, V1, "/c/memory", 4, true},
		"memory together with others":        {[]cgroupMount{v1("/c/all", "rw,cpu,memory")}, nil, V1, "/c/all", 4, true},
		"v2":                                 {nil, []cgroupMount{unified}, V2, "/c/unified", 0, true},
		"v2 beside a named hierarchy":        {[]cgroupMount{named}, []cgroupMount{unified}, V2, "/c/unified", 0, true},
		"hybrid":                             {[]cgroupMount{cpu, memory}, []cgroupMount{unified}, Hybrid, "/c/memory", 4, true},
		"hybrid, memory not on v1":           {[]cgroupMount{cpu}, []cgroupMount{unified}, Hybrid, "/c/unified", 0, true},
		"v1 without memory":                  {[]cgroupMount{named, cpu}, nil, V1, "/c/cpu", 3, true},
		"a part of memory":                   {[]cgroupMount{part(memory)}, nil, V1, "/c/memory", 4, false},
		"a part first, then all":             {[]cgroupMount{part(memory), second}, nil, V1, "/c/second", 4, true},
		"all twice":                          {[]cgroupMount{memory, second}, nil, V1, "/c/memory", 4, true},
		"v2, unified twice, a part first":    {nil, []cgroupMount{part(v1("/c/p", "rw")), unified}, V2, "/c/unified", 0, true},
		"hybrid by a controller of no use":   {[]cgroupMount{v1("/c/net", "rw,net_cls")}, []cgroupMount{unified}, Hybrid, "/c/unified", 0, true},
		"only a named hierarchy":             {v1: []cgroupMount{named}},
		"memory mounted, but without number": {v1: []cgroupMount{memory}},
	} {
		numbers := ids
		if name == "memory mounted, but without number" {
			numbers = nil
		}
		got, err := chooseHierarchy(test.v1, test.v2, numbers)
		if test.dir == "" {
			if err == nil {
				t.Errorf("%s: %+v", name, got)
			}
			continue
		}
		if err != nil || got.Version != test.version || got.Dir != test.dir || got.HierarchyID != test.id || got.Whole != test.whole {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if wantMemory := test.id == 4; got.HasMemory != wantMemory || (got.Controller == "") != (test.id == 0) {
			t.Errorf("%s: controller %q, has memory: %v", name, got.Controller, got.HasMemory)
		}
	}
}

func TestCgroupsWithoutMemory(t *testing.T) {
	notes := func(r *Reader) string {
		t.Helper()
		layout, err := r.Layout()
		if err != nil || layout.HasMemory {
			t.Fatalf("%+v, %v", layout, err)
		}
		return layout.Notes[0]
	}
	r, roots := openHost(t, "v2")
	hosttest.WriteFile(t, filepath.Join(roots.Cgroup, "cgroup.controllers"), "cpuset cpu io pids\n")
	if note := notes(r); !strings.Contains(note, "cgroup.controllers does not list it") {
		t.Errorf("v2 without it: %q", note)
	}
	hosttest.WriteFile(t, filepath.Join(roots.Proc, "cgroups"), "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t0\t71\t0\n")
	if note := notes(r); !strings.Contains(note, "boot with cgroup_enable=memory") {
		t.Errorf("v2 with it switched off: %q", note)
	}

	r, roots = openHost(t, "v1")
	mountinfo := filepath.Join(roots.Proc, "self/mountinfo")
	text, err := os.ReadFile(mountinfo)
	if err != nil {
		t.Fatal(err)
	}
	hosttest.WriteFile(t, mountinfo, strings.Replace(string(text), "rw,memory", "rw,perf_event", 1))
	if note := notes(r); !strings.Contains(note, "mount -t cgroup -o memory none "+roots.Cgroup+"/memory") {
		t.Errorf("v1 without it: %q", note)
	}
	if layout, err := r.Layout(); err != nil || layout.Controller != "pids" || layout.HierarchyID != 6 {
		t.Errorf("tracks %+v, %v", layout, err)
	}
}

func TestParseHierarchies(t *testing.T) {
	got := parseHierarchies([]byte("12:cpu,cpuacct:/a:b\n4:memory:/\n1:name=systemd:/\n0::/x\nnonsense\n-1:pids:/\n" +
		"4294967296:blkio:/\n7:devices\n\n::\n8:rdma"))
	want := map[string]uint32{"cpu": 12, "cpuacct": 12, "memory": 4, "name=systemd": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLiveCgroups compares with stat(1) and with what the kernel reports for this process.
func TestLiveCgroups(t *testing.T) {
	r := New(pseudofs.DefaultProc, "")
	layout, err := r.Layout()
	if err != nil {
		if !strings.Contains(err.Error(), "--cgroup-root") { // a machine without any
			t.Error(err)
		}
		return
	}
	t.Logf("%+v", layout)
	if id := hosttest.Inode(t, layout.Dir); (id == 1) != layout.Whole {
		t.Errorf("whole: %v, but the inode number is %d", layout.Whole, id)
	}
	found := 0
	err = layout.Walk(func(c Cgroup) error {
		if found++; found > 20 {
			return nil
		}
		dir, err := layout.Directory(c.Path)
		if err != nil {
			return err
		}
		id, err := layout.ID(c.Path)
		if pseudofs.IsGone(err) {
			return nil
		}
		if want := hosttest.Inode(t, dir); c.ID != want || id != want || err != nil {
			t.Errorf("%s: %d, %d, %v; stat says %d", c.Path, c.ID, id, err, want)
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%d cgroups, %v", found, err)
	}
	if !layout.Whole {
		return
	}
	path, err := r.PathOf(int32(os.Getpid()), layout)
	if err != nil {
		t.Fatal(err)
	}
	procs, err := layout.Procs(path)
	if err != nil {
		t.Fatal(err)
	}
	self := false
	for _, pid := range procs {
		self = self || pid == int32(os.Getpid())
	}
	if !self {
		t.Errorf("this process is not among those of its cgroup %s: %v", path, procs)
	}
}

func TestNewDefault(t *testing.T) {
	if r := New(pseudofs.DefaultProc, ""); r.root != DefaultRoot {
		t.Errorf("the root is %s", r.root)
	}
}
