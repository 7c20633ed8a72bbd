//go:build root

package resources

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// TestRootResources makes a cgroup with limits below one with lower limits, in each hierarchy of the host, and compares the
// result with the kernel's files.
func TestRootResources(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	layout, err := cgroupfs.New(pseudofs.DefaultProc, "").Layout()
	if err != nil {
		t.Fatal(err)
	}
	if !layout.Whole || !layout.HasMemory {
		t.Fatalf("needs the host's memory hierarchy: %+v", layout)
	}
	name := fmt.Sprintf("/nsviz-resources-%d", os.Getpid())
	leaf := name + "/leaf"
	dirs := map[string]string{} // of the hierarchy, by controller
	for _, controller := range []string{"memory", "cpu", "cpuacct", "pids"} {
		hierarchy, found := layout.Hierarchy(controller)
		if !found {
			t.Fatalf("no hierarchy for %s", controller)
		}
		dirs[controller] = hierarchy.Dir
	}
	unified := layout.Controller == ""
	cat := hosttest.Start(t, nil, "cat")
	made := map[string]bool{}
	for _, dir := range dirs {
		if made[dir] {
			continue
		}
		made[dir] = true
		for _, path := range []string{name, leaf} {
			if err := os.Mkdir(dir+path, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Remove(dir + path) })
			if unified && path == name {
				hosttest.SetFile(t, dir+path+"/cgroup.subtree_control", "+memory +cpu +pids")
			}
		}
		home := dir // on v2 the root takes processes, too
		t.Cleanup(func() { _ = os.WriteFile(home+"/cgroup.procs", []byte(strconv.Itoa(int(cat.PID))), 0) })
		hosttest.SetFile(t, dir+leaf+"/cgroup.procs", strconv.Itoa(int(cat.PID)))
	}
	files := map[bool][]string{
		true:  {"memory.max", "cpu.max"},
		false: {"memory.limit_in_bytes", "cpu.cfs_quota_us"},
	}[unified]
	hosttest.SetFile(t, dirs["memory"]+name+"/"+files[0], "33554432")
	hosttest.SetFile(t, dirs["memory"]+leaf+"/"+files[0], "67108864")
	hosttest.SetFile(t, dirs["pids"]+name+"/pids.max", "90")
	hosttest.SetFile(t, dirs["pids"]+leaf+"/pids.max", "max")
	hosttest.SetFile(t, dirs["cpu"]+name+"/"+files[1], "70000")
	hosttest.SetFile(t, dirs["cpu"]+leaf+"/"+files[1], "25000")

	got, err := r.Of(cat.PID, layout, leaf)
	if err != nil {
		t.Fatal(err)
	}
	if got.Memory == nil || got.CPU == nil || got.PIDs == nil {
		t.Fatalf("%+v", got)
	}
	for what, limit := range map[string]*EffectiveLimit{
		"67108864 ":        ownAlone(got.Memory.MaxBytes),
		"33554432 " + name: got.Memory.EffectiveMaxBytes,
		"unlimited ":       ownAlone(got.PIDs.Max),
		"90 " + name:       got.PIDs.EffectiveMax,
	} {
		if said := say(limit); said != what {
			t.Errorf("the limit %s is read as %s", what, said)
		}
	}
	if said := say(ownAlone(got.CPU.QuotaCores)); said != "0.25 " {
		t.Errorf("the quota is read as %s", said)
	}
	if said := say(got.CPU.EffectiveQuotaCores); said != "0.25 "+leaf {
		t.Errorf("the effective quota is read as %s", said)
	}
	limits, err := In(layout).Limits(name)
	if err != nil {
		t.Fatal(err)
	}
	if said := []string{say(ownAlone(limits.Memory)), say(ownAlone(limits.CPU)), say(ownAlone(limits.PIDs))}; !slices.Equal(said, []string{"33554432 ", "0.7 ", "90 "}) {
		t.Errorf("the cgroup's own limits are read as %q", said)
	}
	// Compare with the kernel's files while cat waits. Its memory may still change: a CPU gives back the pages that it has
	// charged ahead when another cgroup is charged there (drain_stock in mm/memcontrol.c).
	current := dirs["memory"] + leaf + "/" + map[bool]string{true: "memory.current", false: "memory.usage_in_bytes"}[unified]
	for steady := false; !steady; {
		before := get(t, current)
		if got, err = r.Of(cat.PID, layout, leaf); err != nil {
			t.Fatal(err)
		}
		if steady = get(t, current) == before; steady && fmt.Sprint(*got.Memory.CurrentBytes) != before {
			t.Errorf("%s says %s; read as %d", current, before, *got.Memory.CurrentBytes)
		}
	}
	if said := get(t, dirs["pids"]+leaf+"/pids.current"); fmt.Sprint(*got.PIDs.Current) != said {
		t.Errorf("pids.current says %s; read as %d", said, *got.PIDs.Current)
	}
	if *got.PIDs.Current != 1 || got.CPU.UsageSeconds == nil || got.Memory.AnonBytes == nil || got.Memory.Events == nil {
		t.Errorf("%+v %+v %+v", got.PIDs, got.CPU, got.Memory)
	}
	if root, err := In(layout).Resources("/"); err != nil {
		t.Errorf("the root: %+v, %v", root, err)
	}

	gone := layout.Dir + leaf
	hosttest.SetFile(t, layout.Dir+"/cgroup.procs", strconv.Itoa(int(cat.PID)))
	if err := os.Remove(filepath.Clean(gone)); err != nil {
		t.Fatal(err)
	}
	if after, err := In(layout).Resources(leaf); !errors.Is(err, fs.ErrNotExist) || after != (Resources{}) {
		t.Errorf("gone: %+v, %v", after, err)
	}
	if limits, err := In(layout).Limits(leaf); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("limits of what is gone: %+v, %v", limits, err)
	}
}

func get(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// ownAlone returns a cgroup's own limit as if no cgroup above had one.
func ownAlone(l *fact.Limit) *EffectiveLimit {
	if l == nil {
		return nil
	}
	return &EffectiveLimit{Limit: *l}
}

func say(l *EffectiveLimit) string {
	switch {
	case l == nil:
		return "unknown"
	case l.Unlimited:
		return "unlimited " + l.Cgroup
	case l.Partial:
		return "partial"
	}
	return strconv.FormatFloat(*l.Value, 'f', -1, 64) + " " + l.Cgroup
}
