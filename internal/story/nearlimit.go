package story

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// NearLimit says when a live container reaches a limit on its memory if it goes on growing, and whom the kernel would kill then; nil if
// that is far off or unknown.
func NearLimit(c *model.Container, s *model.Snapshot) Text {
	if !c.Live() {
		return nil
	}
	var t Text
	f := c.Forecast
	if f != nil {
		t = text(Name, c.Label).add(Alert, " reaches "+roomWords(c, f.Room)).add(Plain, " ").add(Alert, aboutWords(f.In)).
			add(Plain, " at this pace, "+Bytes(uint64(max(f.BytesPerSecond, 0)))+" a second.")
	}
	v := c.NextVictim
	if v == nil {
		return t
	}
	would := text(Plain, "The kernel would choose ")
	if f == nil {
		would = text(Plain, "If its memory ran out now, the kernel would choose ")
	}
	would = would.add(Strong, v.Comm).add(Plain, fmt.Sprintf(" (PID %d, score %s", v.PID, grouped(v.ScorePages)))
	if v.OOMScoreAdj != 0 {
		would = would.add(Plain, ", oom_score_adj "+strconv.Itoa(v.OOMScoreAdj))
	}
	would = would.add(Plain, ")")
	if other := victimsHome(v, c, s); other != nil {
		would = would.add(Plain, ", which is in ").add(Name, other.Label)
	}
	if v.Group != "" {
		would = would.add(Plain, ", and with it all of ").add(Number, ShortPath(v.Group)).add(Plain, " (memory.oom.group)")
	}
	return t.sentence(would.add(Plain, "."))
}

// roomWords names a limit, seen from a container: its limit of 64 MiB, the limit of /pod (1 GiB).
func roomWords(c *model.Container, r fact.MemoryRoom) string {
	limit := Bytes(r.LimitBytes)
	switch r.Cgroup {
	case c.CgroupPath:
		return "its limit of " + limit
	case "":
		return "a limit of " + limit + " above what nsviz sees"
	}
	return "the " + limit + " limit of " + ShortPath(r.Cgroup)
}

// Soon returns how long something takes, no more exactly than a forecast is: "40 s", "7 min".
func Soon(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
	case d < 57500*time.Millisecond:
		return fmt.Sprintf("%d s", d.Round(5*time.Second)/time.Second)
	}
	return fmt.Sprintf("%d min", max(d.Round(time.Minute)/time.Minute, 1))
}

// aboutWords says when something is forecast.
func aboutWords(d time.Duration) string {
	if d < time.Second {
		return "in less than a second"
	}
	return "in about " + Soon(d)
}

// grouped is Grouped for a number that may be below zero.
func grouped(n int64) string {
	if n < 0 {
		return "-" + Grouped(uint64(-n))
	}
	return Grouped(uint64(n))
}

// victimsHome returns the container that the next victim is in, if that is another one; nil if it is not, or unknown.
func victimsHome(v *fact.NextVictim, c *model.Container, s *model.Snapshot) *model.Container {
	in := func(c *model.Container) bool {
		return c.CgroupPath != "" && (v.Cgroup == c.CgroupPath || strings.HasPrefix(v.Cgroup, strings.TrimSuffix(c.CgroupPath, "/")+"/"))
	}
	if in(c) {
		return nil
	}
	var home *model.Container
	for i := range s.Containers {
		// The innermost one of nested containers.
		if other := &s.Containers[i]; other.Live() && in(other) && (home == nil || len(other.CgroupPath) > len(home.CgroupPath)) {
			home = other
		}
	}
	return home
}
