package cgroupfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/hosttest"
)

func hostLayout(t testing.TB, name string) (Layout, hostRoots) {
	t.Helper()
	r, roots := openHost(t, name)
	layout, err := r.Layout()
	if err != nil {
		t.Fatal(err)
	}
	return layout, roots
}

func walkedPaths(t testing.TB, layout Layout, skip string) []string {
	t.Helper()
	var paths []string
	err := layout.Walk(func(c Cgroup) error {
		if want, err := layout.ID(c.Path); c.ID != want || err != nil {
			t.Errorf("%s: %d, %v", c.Path, c.ID, err)
		}
		paths = append(paths, c.Path)
		if c.Path == skip {
			return fs.SkipDir
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return paths
}

func TestWalk(t *testing.T) {
	for name, want := range map[string][]string{
		"v1":     {"/", "/docker", "/docker/f1:odd", "/docker/old"},
		"v2":     {"/", "/init.scope", "/system.slice", hosttest.DockerScope, hosttest.DockerScope + "/inner"},
		"hybrid": {"/", "/docker", "/docker/a1"},
	} {
		layout, _ := hostLayout(t, name)
		if diff := cmp.Diff(want, walkedPaths(t, layout, "")); diff != "" {
			t.Error(name, diff)
		}
	}
	layout, _ := hostLayout(t, "v2")
	if diff := cmp.Diff([]string{"/", "/init.scope", "/system.slice"}, walkedPaths(t, layout, "/system.slice")); diff != "" {
		t.Error("with a part skipped", diff)
	}
	layout.Root = "/docker/outer" // nsviz in a container
	if paths := walkedPaths(t, layout, ""); paths[0] != "/docker/outer" || paths[1] != "/docker/outer/init.scope" {
		t.Errorf("of a part: %v", paths)
	}
}

func TestWalkSurvivesWhatVanishes(t *testing.T) {
	layout, roots := hostLayout(t, "v2")
	var paths []string
	err := layout.Walk(func(c Cgroup) error {
		paths = append(paths, c.Path)
		if c.Path == "/system.slice" { // removed before it is listed
			return os.RemoveAll(filepath.Join(roots.Cgroup, c.Path))
		}
		if c.Path == "/" { // the other way round: removed before it is looked at
			return os.RemoveAll(filepath.Join(roots.Cgroup, "init.scope"))
		}
		return nil
	})
	if want := []string{"/", "/system.slice"}; err != nil || !slices.Equal(paths, want) {
		t.Errorf("%v, %v", paths, err)
	}
}

func TestWalkStops(t *testing.T) {
	layout, roots := hostLayout(t, "v2")
	stop := errors.New("stop")
	n := 0
	if err := layout.Walk(func(Cgroup) error { n++; return stop }); err != stop || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
	if err := os.RemoveAll(roots.Cgroup); err != nil {
		t.Fatal(err)
	}
	if err := layout.Walk(func(Cgroup) error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a root: %v", err)
	}
}

// TestWalkOfADepthWithoutEnd has a tree whose paths are longer than PATH_MAX. A container that manages its own cgroups could make
// one. The other cgroups are still found, and the failure is reported.
func TestWalkOfADepthWithoutEnd(t *testing.T) {
	layout, roots := hostLayout(t, "hybrid")
	root, err := os.OpenRoot(filepath.Join(roots.Cgroup, "memory", "docker"))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("d", 250)
	for range 20 {
		if err := root.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := root.OpenRoot(name)
		if err != nil {
			t.Fatal(err)
		}
		_ = root.Close()
		root = next
	}
	_ = root.Close()
	hosttest.WriteFile(t, filepath.Join(roots.Cgroup, "memory", "last", "cgroup.procs"), "")
	var last string
	err = layout.Walk(func(c Cgroup) error { last = c.Path; return nil })
	if last != "/last" || err == nil || !strings.Contains(err.Error(), "file name too long") {
		t.Errorf("got to %s, %v", last[:min(len(last), 99)], err)
	}
}

func TestProcs(t *testing.T) {
	layout, roots := hostLayout(t, "v2")
	for _, test := range []struct {
		path      string
		own, tree []int32
	}{
		{"/", []int32{2}, []int32{1, 2, 1430, 1611, 1612}},
		{"/system.slice", nil, []int32{1430, 1611, 1612}},
		{hosttest.DockerScope, []int32{1430}, []int32{1430, 1611, 1612}},
		{hosttest.DockerScope + "/inner", []int32{1611, 1612}, []int32{1611, 1612}},
	} {
		if got, err := layout.Procs(test.path); err != nil || !slices.Equal(got, test.own) {
			t.Errorf("%s: %v, %v", test.path, got, err)
		}
		if got, err := layout.TreeProcs(test.path); err != nil || !slices.Equal(got, test.tree) {
			t.Errorf("all of %s: %v, %v", test.path, got, err)
		}
	}
	hosttest.WriteFile(t, filepath.Join(roots.Cgroup, "init.scope/cgroup.procs"), "-1\nx\n99999999999\n\n 5\n7\n8") // never by a kernel
	if got, err := layout.Procs("/init.scope"); err != nil || !slices.Equal(got, []int32{7, 8}) {
		t.Errorf("of nonsense: %v, %v", got, err)
	}
	if _, err := layout.Procs("/gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
	if _, err := layout.TreeProcs("/gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
}
