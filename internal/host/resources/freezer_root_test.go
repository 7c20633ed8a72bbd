//go:build root

package resources

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// TestRootFrozen freezes and thaws a cgroup and one below it, with each freezer that the host has.
func TestRootFrozen(t *testing.T) {
	layout, err := cgroupfs.New(pseudofs.DefaultProc, "").Layout()
	if err != nil {
		t.Fatal(err)
	}
	freezers := 0
	for _, freezer := range []struct{ controller, file, freeze, thaw string }{
		{"freezer", "freezer.state", "FROZEN", "THAWED"},
		{"", "cgroup.freeze", "1", "0"},
	} {
		hierarchy, found := layout.Hierarchy(freezer.controller)
		if !found || hierarchy.Controller != freezer.controller {
			continue
		}
		freezers++
		t.Run(freezer.file, func(t *testing.T) {
			above := fmt.Sprintf("/nsviz-frozen-%d", os.Getpid())
			own := above + "/own"
			for _, path := range []string{above, own} {
				for _, dir := range slices.Compact([]string{layout.Dir, hierarchy.Dir}) { // it is looked for where nsviz tracks it
					if err := os.Mkdir(dir+path, 0o755); err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = os.Remove(dir + path) })
				}
			}
			cat := hosttest.Start(t, nil, "cat")
			hosttest.SetFile(t, hierarchy.Dir+own+"/cgroup.procs", fmt.Sprint(cat.PID))
			t.Cleanup(func() { hosttest.SetFile(t, hierarchy.Dir+"/cgroup.procs", fmt.Sprint(cat.PID)) })
			set := func(path, value string) { hosttest.SetFile(t, hierarchy.Dir+path+"/"+freezer.file, value) }
			check := func(what string, wantAbove, wantOwn bool) {
				t.Helper()
				for path, want := range map[string]bool{above: wantAbove, own: wantOwn} {
					got, err := In(layout).Frozen(path)
					if err != nil || got == nil || *got != want {
						t.Errorf("%s: %s: %v, %v, want %t", what, path, got, err, want)
					}
				}
				below, err := In(layout).FrozenBelow(above)
				if err != nil || slices.Equal(below, []string{own}) != wantOwn {
					t.Errorf("%s: %q, %v are frozen below", what, below, err)
				}
			}
			check("at first", false, false)
			set(own, freezer.freeze)
			check("one is frozen", false, true)
			set(above, freezer.freeze)
			check("both are frozen", true, true)
			set(above, freezer.thaw)
			check("the one above is thawed", false, true)
			set(own, freezer.thaw)
			check("both are thawed", false, false)
			set(above, freezer.freeze)
			check("the one above is frozen", true, true)
			set(above, freezer.thaw)
			check("it is thawed", false, false)
		})
	}
	if freezers == 0 {
		t.Fatal("the host has no freezer")
	}
}
