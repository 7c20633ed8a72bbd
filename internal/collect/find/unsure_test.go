package find

import (
	"strings"
	"testing"
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
		{"the first process of a PID namespace", "/mycid", 1, 40, true},
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
