//go:build root

package pipeline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/story"
)

// A cgroup of no container is made, limited, entered, limited again, killed in and removed: its story tells all
// of it, and who it was.
func TestStoryOfACgroup(t *testing.T) {
	w := watch(t)
	l := layout(t)
	path := fmt.Sprintf("/nsviz-story-%d", os.Getpid())
	dir := filepath.Join(l.Dir, path)
	limit := "memory.max"
	if l.Controller != "" {
		limit = "memory.limit_in_bytes"
	}
	set := func(bytes string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, limit), []byte(bytes), 0); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	awaits := func(n int, last string) {
		t.Helper()
		w.await(t, last, func() bool {
			s := w.Whole()
			i := slices.IndexFunc(s.Cgroups, func(g isolation.Cgroup) bool { return g.Path == path })
			if i < 0 {
				return false
			}
			told = nil
			for j := range s.Cgroups[i].History {
				told = append(told, story.CgroupMoment(&s.Cgroups[i].History[j]).String())
			}
			return len(told) >= n && strings.Contains(told[n-1], last)
		}, func() string { return strings.Join(told, "\n") })
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	own, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	by := fmt.Sprintf("%s (PID %d, of the host) ", strings.TrimSpace(string(own)), os.Getpid())
	set(fmt.Sprint(32 << 20))
	awaits(2, by+"changed its memory limit from none to 32 MiB")
	killOne(t, dir)
	awaits(4, "the kernel's OOM killer killed tail (PID ")
	if !strings.HasPrefix(told[2], by+"moved a process into it") || !strings.Contains(told[3], "The cgroup "+path+" had reached its 32 MiB limit") {
		t.Errorf("told:\n%s", strings.Join(told, "\n"))
	}
	set(fmt.Sprint(64 << 20))
	awaits(5, by+"changed its memory limit from 32 MiB to 64 MiB")
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	awaits(6, by+"removed it")
	if !strings.HasPrefix(told[0], by+"made it") || len(told) != 6 {
		t.Errorf("told:\n%s", strings.Join(told, "\n"))
	}
	a, err := story.WhyCgroup(w.Whole(), path)
	if err != nil || a.Removed.IsZero() || a.OOMKills != 1 || a.Creator == nil || int(a.Creator.PID) != os.Getpid() {
		t.Errorf("%+v, %v", a, err)
	}
}
