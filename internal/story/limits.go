package story

import (
	"fmt"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// AtLimits describes whether its limits hold a live container and what they do to it beside OOM kills; nil if there is
// nothing to say.
func AtLimits(c *model.Container, s *model.Snapshot) Text {
	return Text(nil).sentence(held(c, s)).sentence(stuck(c)).sentence(refused(c.PIDsRefused, c.Limits.PIDs))
}

// held describes a container whose PID 1 is outside of the container's own cgroup; nil for any other.
func held(c *model.Container, s *model.Snapshot) Text {
	u := c.Unheld
	if u == nil {
		return nil
	}
	is, has, was := "It is ", "It has ", "was moved"
	if !c.Live() {
		is, has, was = "At its end it was ", "At its end it had ", "had been moved"
	}
	if u.Since.IsZero() {
		return text(Plain, is).add(Alert, "not held by "+ownLimits(s)).add(Plain, ": PID 1 is in ").add(Number, CgroupWords(u.Cgroup)).add(Plain, ", which was so when nsviz looked.")
	}
	t := text(Plain, has).add(Alert, "not been held by "+ownLimits(s)).add(Plain, " since ").at(u.Since, fullTime)
	return t.add(Plain, ": PID 1 "+was+" to ").add(Number, CgroupWords(u.Cgroup)).add(Plain, " by ").
		join(actor(u.By, c.ID)).add(Plain, ".")
}

// ownLimits names what a container's own cgroup limits: on cgroup v1 the hierarchy that nsviz follows is the memory
// controller's.
func ownLimits(s *model.Snapshot) string {
	if s.Host.CgroupVersion == "v2" {
		return "its limits"
	}
	return "its memory limit"
}

// CgroupWords names the cgroup at a path; "" is an unknown one.
func CgroupWords(path string) string {
	if path == "" {
		return "a cgroup that is unknown"
	}
	return ShortPath(path)
}

// stuck describes a container whose processes wait for memory without an end; nil for any other.
func stuck(c *model.Container) Text {
	if c.Stuck == nil {
		return nil
	}
	who, its := "It has been ", "its"
	if c.Unheld != nil { // it has left processes behind in its own cgroup
		who, its = "The processes in its own cgroup have been ", "those"
	}
	return text(Plain, who).add(Alert, "stuck at "+StuckLimit(c)).add(Plain, " since ").at(c.Stuck.Since, fullTime).add(Plain, "; the ").
		add(Strong, "OOM killer is off").add(Plain, " for it, so "+its+" processes wait until somebody makes room or raises the limit.")
}

// StuckLimit names the limit at which a container is stuck: its limit of 64 MiB, the limit of /pod.
func StuckLimit(c *model.Container) string {
	switch {
	case c.Stuck.Cgroup != c.CgroupPath:
		return "the limit of " + ShortPath(c.Stuck.Cgroup)
	case c.Memory.LimitBytes != nil:
		return "its limit of " + Bytes(*c.Memory.LimitBytes)
	}
	return "its limit"
}

// refused describes how many processes and threads the kernel refused a container in one run; nil if none or unknown. own is
// the limit of its own cgroup. The kernel's count does not say whose limit was reached: on cgroup v1 and before Linux 6.11
// it may be one above, and the counts of cgroups inside are included.
func refused(n *uint64, own *fact.Limit) Text {
	if n == nil || *n == 0 {
		return nil
	}
	t := text(Plain, "The kernel refused it a new process or thread ").add(Strong, timesWords(*n)).add(Plain, ", since a limit of processes was reached")
	if own != nil && own.Value != nil {
		t = t.add(Plain, ": its own of "+LimitWords(fact.ResourcePIDs, *own)+", or that of a cgroup above or inside it")
	}
	return t.add(Plain, ".")
}

func timesWords(n uint64) string {
	if n == 1 {
		return "once"
	}
	return Grouped(n) + " times"
}

// movedWords words that a container's PID 1 was moved, as seen from the container with an id.
func movedWords(m *model.Entry, id string) Text {
	t := actor(m.By, id)
	if m.Moved == nil {
		return t.add(Plain, " moved its PID 1 to another cgroup")
	}
	t = t.add(Plain, fmt.Sprintf(" moved its PID 1 (%d) ", m.Moved.PID))
	if m.Moved.Held {
		return t.add(Plain, "back to its own cgroup, whose limits hold it again")
	}
	return t.add(Plain, "out of its own cgroup, to ").add(Number, CgroupWords(m.Moved.To)).add(Plain, ": the limits of that do not hold it any more")
}
