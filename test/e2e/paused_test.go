//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// freezer returns the file by which a container's cgroup is frozen, and how.
func freezer(t *testing.T, cgroup string) (file, freeze, thaw string) {
	t.Helper()
	hierarchy, found := trackedHierarchy(t).Hierarchy("freezer")
	if !found {
		t.Fatal("the host has no freezer")
	}
	if hierarchy.Controller == "" {
		return hierarchy.Dir + cgroup + "/cgroup.freeze", "1", "0"
	}
	return hierarchy.Dir + cgroup + "/freezer.state", "FROZEN", "THAWED"
}

// TestPaused pauses a container by its engine, by the kernel's file and by the cgroup above it. An nsviz that watches says who did it, one
// that comes later that it is so.
func TestPaused(t *testing.T) {
	const name = "nsviz-test-paused"
	address := startServe(t)
	above := "/nsviz-test-paused-above"
	if docker(t, "info", "--format", "{{.CgroupDriver}}") == "systemd" {
		above = "nsviztestpaused.slice" // the usual one has the services of the host
	}
	t.Cleanup(func() { removeCgroup(t, above) })
	run(t, name, "--cgroup-parent="+above, busyboxImage, "sh", "-c", waits)
	gauge := fmt.Sprintf("nsviz_container_paused{container=%q}", name)
	var a report.ContainerAnswer
	becomes := func(state model.ContainerState) {
		t.Helper()
		eventually(t, func() bool {
			var known bool
			a, known = why(t, address, name)
			return known && a.State == state
		}, func() string { return fmt.Sprintf("it is %s: %s", a.State, a.Sentence) })
		want := map[bool]string{true: "1", false: "0"}[state == model.Paused]
		eventually(t, func() bool { return metrics(t, address)[gauge] == want }, func() string { return fmt.Sprintf("it is %s, and %s is not %s", state, gauge, want) })
	}
	becomes(model.Running)

	docker(t, "pause", name)
	becomes(model.Paused)
	if a.Paused == nil || !strings.HasPrefix(a.Sentence, name+" is paused. The kernel's freezer has stopped its processes since ") {
		t.Errorf("%+v, %s", a.Paused, a.Sentence)
	}
	cgroup := a.Paused.Cgroup
	if l := ps(t, name); l.State != model.Paused || l.Paused == nil {
		t.Errorf("ps: %+v", l)
	}
	if r := row(t, name); !strings.Contains(r, " Paused ") {
		t.Errorf("ps: %s", r)
	}
	if taken := inspect(t, name); taken.State != model.Paused || taken.Paused == nil {
		t.Errorf("inspect: %s, %+v", taken.State, taken.Paused)
	}
	if text, _, _ := nsviz(t, "inspect", name); !strings.Contains(text, "paused      since ") {
		t.Errorf("inspect:\n%s", text)
	}
	docker(t, "unpause", name)
	becomes(model.Running)
	isBy := func(m *model.Entry) bool { // it may have ended before its name could be read
		return m.By == nil || m.By.Comm == "" || strings.HasPrefix(m.By.Comm, "runc") && m.By.Container == nil
	}
	for _, kind := range []model.EntryKind{model.EntryPaused, model.EntryResumed} {
		if !slices.ContainsFunc(a.History, func(m model.Entry) bool { return m.Kind == kind && isBy(&m) && m.Cgroup == "" }) {
			t.Errorf("no entry has %s by runc or somebody unknown: %+v", kind, a.History)
		}
	}

	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	if cgroup == "" {
		t.Fatal("its cgroup is not known")
	}
	for _, path := range []string{cgroup, cgroupfs.Parent(cgroup)} {
		file, freeze, thaw := freezer(t, path)
		t.Cleanup(func() { _ = os.WriteFile(file, []byte(thaw), 0) }) // so that it can be removed
		write(file, freeze)
		becomes(model.Paused)
		// A reading may find it before it is known who did it.
		eventually(t, func() bool {
			a, _ = why(t, address, name)
			return a.Paused != nil && a.Paused.By != nil
		}, func() string { return fmt.Sprintf("nobody has paused it: %+v", a.Paused) })
		if p := a.Paused; int(p.By.PID) != os.Getpid() || p.Cgroup != path {
			t.Errorf("%s: %+v", path, p)
		}
		write(file, thaw)
		becomes(model.Running)
	}
	docker(t, "rm", "-f", name)
	eventually(t, func() bool { _, known := metrics(t, address)[gauge]; return !known }, func() string { return gauge + " outlives it" })
}
