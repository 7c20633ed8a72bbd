package cgroupfs

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
)

func TestCgroupPath(t *testing.T) {
	for _, test := range []struct {
		host string
		pid  int32
		want string
	}{
		{"v1", 12, "/docker/f1:odd"}, {"v2", 1430, hosttest.DockerScope}, {"v2", 2, "/"}, {"hybrid", 77, "/docker/a1"},
	} {
		r, _ := openHost(t, test.host)
		layout, err := r.Layout()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.PathOf(test.pid, layout); got != test.want || err != nil {
			t.Errorf("%s, PID %d: %q, %v", test.host, test.pid, got, err)
		}
		if _, err := r.PathOf(99, layout); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no such process: %v", err)
		}
	}
}

func TestParseCgroupPath(t *testing.T) {
	const text = "14:pids:/p\n4:memory:/m:0::/x\n1:name=systemd:/\n0::/u (deleted)\n"
	for id, want := range map[uint32]string{14: "/p", 4: "/m:0::/x", 1: "/", 0: "/u"} {
		if got, err := parseCgroupPath([]byte(text), id); got != want || err != nil {
			t.Errorf("%d: %q, %v", id, got, err)
		}
	}
	// On v1 the kernel does not mark removed cgroups: there the suffix is part of the name.
	if got, err := parseCgroupPath([]byte("4:memory:/u (deleted)\n"), 4); got != "/u (deleted)" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, text := range []string{
		"", "4", "4:", "4:memory", "4:memory\n", "4:memory:\n", "4:memory:m\n", "4:memory:/cut", "44:memory:/\n", "-4:memory:/\n", "memory:4:/\n",
	} {
		if got, err := parseCgroupPath([]byte(text), 4); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// TestPathsInContainers has nsviz in a container, where the mounted part, the cgroup namespace and the host's view differ.
func TestPathsInContainers(t *testing.T) {
	const dir = "/host/cgroup"
	for _, test := range []struct {
		name  string
		root  string
		shown string // in /proc/PID/cgroup
		path  string // "" is outside
		dir   string // "" is outside
	}{
		{"host", "/", "/docker/a", "/docker/a", dir + "/docker/a"},
		{"host, the root", "/", "/", "/", dir},
		{"host, a dotted name", "/", "/..a/...", "/..a/...", dir + "/..a/..."},
		{"no cgroup namespace, own part mounted", "/docker/a", "/docker/a/b", "/docker/a/b", dir + "/b"},
		{"the same, its top", "/docker/a", "/docker/a", "/docker/a", dir},
		{"the same, a neighbour", "/docker/a", "/docker/ab", "/docker/ab", ""},
		{"own cgroup namespace and mount", "/", "/x", "/x", dir + "/x"},
		{"the same, a neighbour", "/", "/../b", "", ""},
		{"the same, what is above", "/", "/..", "", ""},
		{"own cgroup namespace, all mounted", "/../..", "/../../docker/b", "/docker/b", dir + "/docker/b"},
		{"the same, the host's root", "/../..", "/../..", "/", dir},
		{"the same, a sibling", "/../..", "/../b", "", ""}, // it is in docker, but nothing shows that
		{"the same, itself", "/../..", "/", "", ""},
		{"the same, above the mount", "/..", "/../../docker", "", ""},
	} {
		layout := Layout{Dir: dir, Root: test.root}
		path, err := layout.canonical(test.shown)
		if path != test.path || errors.Is(err, ErrOutsideMount) != (test.path == "") {
			t.Errorf("%s: %q, %v, want %q", test.name, path, err, test.path)
		}
		if path == "" {
			continue
		}
		if got, err := layout.Directory(path); got != test.dir || errors.Is(err, ErrOutsideMount) != (test.dir == "") {
			t.Errorf("%s: %q, %v, want %q", test.name, got, err, test.dir)
		}
	}
}

func TestPathsStayInTheHierarchy(t *testing.T) {
	r, _ := openHost(t, "v2")
	layout, err := r.Layout()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/../proc", "/init.scope/../../proc", "/..", "init.scope", "", "/a\x00b", "//etc"} {
		if id, err := layout.ID(path); err == nil {
			t.Errorf("%q: %d", path, id)
		}
		if _, err := layout.Procs(path); err == nil {
			t.Errorf("processes of %q", path)
		}
		if _, err := layout.TreeProcs(path); err == nil {
			t.Errorf("all processes of %q", path)
		}
	}
	if _, err := (Layout{}).ID("/"); err == nil {
		t.Error("a zero layout knows an id")
	}
	if err := (Layout{}).Walk(func(Cgroup) error { return nil }); err == nil {
		t.Error("a zero layout can be walked")
	}
}

func TestParent(t *testing.T) {
	for path, want := range map[string]string{"/a/b": "/a", "/a": "/", "/": "/"} {
		if got := Parent(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestID(t *testing.T) {
	r, roots := openHost(t, "v2")
	layout, err := r.Layout()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/init.scope", hosttest.DockerScope} {
		if got, err := layout.ID(path); got != hosttest.Inode(t, roots.Cgroup+path) || err != nil {
			t.Errorf("%s: %d, %v", path, got, err)
		}
	}
	if id, err := layout.ID("/gone"); id != 0 || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a cgroup that is gone: %d, %v", id, err)
	}
}

func FuzzParseCgroupPath(f *testing.F) {
	f.Add([]byte("14:pids:/p\n4:memory:/m:0::/x\n0::/u (deleted)\n"), "docker/a:b", uint32(4))
	f.Add([]byte("0::"), "..", uint32(0))
	f.Fuzz(func(t *testing.T, data []byte, name string, id uint32) {
		if path, err := parseCgroupPath(data, id); err == nil && (path[0] != '/' || strings.Contains(path, "\n")) {
			t.Errorf("%q: %q", data, path)
		}
		parseHierarchies(data)
		if strings.Contains(name, "\n") || strings.HasSuffix(name, " (deleted)") {
			return // the kernel makes no such cgroup; the other name is its mark
		}
		path, err := parseCgroupPath([]byte("1:name=x:/\n4:memory:/"+name+"\n0::/"+name+"\n"), id&4)
		if err != nil || path != "/"+name {
			t.Errorf("%q: %q, %v", name, path, err)
		}
		if dir, err := (Layout{Dir: "/c", Root: "/"}).Directory(path); err == nil && dir != "/c" && !strings.HasPrefix(dir, "/c/") {
			t.Errorf("%q leads to %q", path, dir)
		}
	})
}
