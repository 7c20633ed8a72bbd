//go:build root && vm

package pipeline_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Somebody sets the clock: what has ended a moment ago has not ended twenty minutes ago. This test has the tag vm, since
// it sets the machine's clock.
func TestSettingTheClockFoldsNothing(t *testing.T) {
	w := watch(t)
	home := makeContainer(t, 16<<20)
	label := filepath.Base(home)
	killOne(t, home)
	if err := os.Remove(home); err != nil {
		t.Fatal(err)
	}
	counted := func(s *model.Snapshot) uint64 {
		return s.Totals.OOMKills[model.KillKey{Container: label, Scope: event.ScopeCgroup}]
	}
	ended := func(s *model.Snapshot) bool {
		for i := range s.Containers {
			if s.Containers[i].ID == label {
				return !s.Containers[i].Live() && counted(s) == 1
			}
		}
		return false
	}
	w.await(t, "the container's end", func() bool { return ended(w.Snapshot()) }, nil)

	for _, by := range []time.Duration{20 * time.Minute, -40 * time.Minute, 20 * time.Minute} {
		now := time.Now()
		to := unix.NsecToTimespec(now.Add(by).UnixNano())
		if err := unix.ClockSettime(unix.CLOCK_REALTIME, &to); err != nil {
			t.Fatal(err)
		}
		set := now.Add(by)
		w.await(t, "the new time", func() bool {
			past := w.Snapshot().Time.Sub(set)
			return past >= 0 && past < 10*time.Minute
		}, nil)
		s := w.Snapshot()
		if s.Totals.FoldedContainers != 0 || !ended(s) {
			t.Errorf("set by %v: %d containers are folded away, of %s %d kills are counted", by, s.Totals.FoldedContainers, label, counted(s))
		}
	}
}
