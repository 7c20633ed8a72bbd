package story

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/model"
)

// Soon returns how long something takes, no more exactly than a forecast is: "40 s", "7 min".
func Soon(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 10:
		return fmt.Sprintf("%.0f s", math.Round(s))
	case s < 100:
		return fmt.Sprintf("%.0f s", math.Round(s/5)*5)
	}
	return fmt.Sprintf("%.0f min", math.Round(d.Minutes()))
}

// NearLimit says when a container reaches a limit on its memory at the pace of the last seconds, and whom the kernel would choose then. It is
// nil if that is not soon.
func NearLimit(c *model.Container) Text {
	t := text(Name, c.Label)
	switch f := c.Forecast; {
	case f != nil:
		t = t.add(Plain, " reaches ").add(Strong, limitReached(c, f.Room.Cgroup, f.Room.LimitBytes)).
			add(Plain, " in about ").add(Alert, Soon(f.In)).add(Plain, " at this pace")
	case c.NextVictim == nil:
		return nil
	default:
		t = t.add(Plain, " is near a limit on its memory")
	}
	v := c.NextVictim
	if v == nil {
		return t.add(Plain, ".")
	}
	t = t.add(Plain, "; the kernel would choose ").add(Strong, v.Comm).add(Plain, " (PID ").add(Number, fmt.Sprint(v.PID)).
		add(Plain, ", score "+Grouped(uint64(max(v.ScorePages, 0)))+" pages)")
	if v.Cgroup != c.CgroupPath && !strings.HasPrefix(v.Cgroup, c.CgroupPath+"/") {
		t = t.add(Plain, " in "+ShortPath(v.Cgroup))
	}
	if v.Group != "" {
		t = t.add(Plain, ", and with it all of "+ShortPath(v.Group))
	}
	return t.add(Plain, ".")
}

// limitReached names a limit of a container or of a cgroup above it.
func limitReached(c *model.Container, cgroup string, bytes uint64) string {
	switch cgroup {
	case c.CgroupPath:
		return "its " + Bytes(bytes) + " limit"
	case "":
		return "a limit of " + Bytes(bytes) + " above it"
	}
	return "the " + Bytes(bytes) + " limit of " + ShortPath(cgroup)
}
