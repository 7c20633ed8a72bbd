package find

import (
	"context"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/container/engine"
)

// TestUnsureCgroups: where the path does not show whether a cgroup is a container's own, its processes do.
func TestUnsureCgroups(t *testing.T) {
	engines := "/batch/" + strings.Repeat("7", 64)
	for _, test := range []struct {
		name, cgroup string
		inside       int
		mnt          uint64
		found        bool
	}{
		{"the first process of a PID namespace, in a cgroup of any name", "/mycid", 1, 40, false},
		{"one with a mount namespace alone", "/mycid", 0, 40, false},
		{"one of the host", "/mycid", 0, 1, false},
		{"with an engine's id, a mount namespace is enough", engines, 0, 40, true},
		{"with an engine's id, one of the host", engines, 0, 1, false},
		{"a service with a PID namespace", "/system.slice/a.service", 1, 40, false},
	} {
		o, c := newFinderTest(t)
		o.process(50, test.inside, "app", test.cgroup, test.mnt, 9)
		o.write(o.memory+test.cgroup+"/cgroup.procs", "50\n")
		o.write(o.pids+"/docker/"+outsideID+"/cgroup.procs", "") // it is in no other container
		if err := o.Start(t.Context(), c); err != nil {
			t.Error(err)
		}
		if found := c.found.Ref != nil; found != test.found {
			t.Errorf("%s: found %v: %q", test.name, found, c.list)
		}
		if test.found && (c.found.Ref.Root != test.cgroup || c.found.InitPID != 50) {
			t.Errorf("%s: %+v", test.name, c.found)
		}
	}
}

// TestFirstProcessFarBelow: a folder in which somebody has made cgroups for containers of other names.
func TestFirstProcessFarBelow(t *testing.T) {
	o, c := newFinderTest(t)
	o.process(50, 1, "app", "/work/session/mine", 40, 9)
	o.write(o.memory+"/work/session/mine/cgroup.procs", "50\n")
	o.write(o.pids+"/docker/"+outsideID+"/cgroup.procs", "")
	if err := o.Start(t.Context(), c); err != nil {
		t.Error(err)
	}
	if c.found.Ref != nil {
		t.Errorf("found %+v", c.found.Ref)
	}
}

// TestCgroupThatARuntimeNames: the files of a runtime have its container's PID 1, which is in a cgroup of that name.
func TestCgroupThatARuntimeNames(t *testing.T) {
	for _, test := range []struct {
		cgroup, root string
	}{{"/work/session/mine", "/work/session/mine"}, {"/work/mine/container", "/work/mine"}, {"/work/mine/a/b", ""}, {"/work/mined", ""}} {
		o, c := newFinderTest(t)
		o.process(50, 1, "app", test.cgroup, 40, 9)
		if test.root != "" {
			o.write(o.memory+test.root+"/cgroup.procs", "")
		}
		o.write(o.memory+test.cgroup+"/cgroup.procs", "50\n")
		o.write(o.pids+"/docker/"+outsideID+"/cgroup.procs", "")
		o.cfg.Inits = func(context.Context, func(string) bool) (map[string]engine.Init, error) {
			return map[string]engine.Init{"mine": {PID: 50, Runtime: "crun"}}, nil
		}
		if err := o.Start(t.Context(), c); err != nil {
			t.Error(err)
		}
		switch {
		case test.root == "" && (c.found.Ref == nil || c.found.Ref.Root == ""):
		case c.found.Ref == nil || c.found.Ref.Root != test.root || c.found.Ref.Runtime != "crun" || c.found.Ref.Name != "mine" || c.found.Unheld != nil:
			t.Errorf("%s: found %+v", test.cgroup, c.found)
		}
	}
}

// TestFoldersOfContainers: what has containers below it is none, whatever its processes are.
func TestFoldersOfContainers(t *testing.T) {
	o, c := newFinderTest(t)
	below := "/batch/docker-" + strings.Repeat("7", 64) + ".scope"
	o.process(50, 1, "app", below, 40, 9)
	o.write(o.memory+below+"/cgroup.procs", "50\n")
	o.write(o.memory+"/batch/cgroup.procs", "50\n")
	o.write(o.pids+"/docker/"+outsideID+"/cgroup.procs", "")
	if err := o.Start(t.Context(), c); err != nil {
		t.Error(err)
	}
	if c.found.Ref == nil || c.found.Ref.Root != below {
		t.Errorf("found %+v", c.found)
	}
	for _, g := range c.cgroups {
		if g.Path == "/batch" && g.Ref != nil {
			t.Errorf("the folder may be a container: %+v", g.Ref)
		}
	}
}
