package story

import (
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// neverStarted describes a container whose own program has never run, with the reason.
func neverStarted(c *model.Container) Text {
	n := c.NeverStarted
	engine := engineName(c)
	t := text(Name, c.Label)
	switch {
	case n == nil: // of a later version
		return t.add(Plain, " has never started.")
	case n.Error == "" && n.Tried.IsZero() && n.Failed.IsZero() && n.Made.IsZero():
		t = t.add(Plain, " was ").add(Strong, "not started").add(Plain, ".")
	case n.Suspected:
		t = t.add(Plain, " is ").add(Strong, "not known to have started").add(Plain, ".")
		if !n.Made.IsZero() {
			t = t.sentence(text(Plain, engineBegins(c)+" made it at ").at(n.Made, fullTime).add(Plain, "."))
		}
		t = t.sentence(text(Plain, "Whether anything tried to start it is unknown, since it was removed before "+engine+" could be asked."))
	case n.Error == "" && n.Tried.IsZero() && n.Failed.IsZero():
		t = t.add(Plain, " has ").add(Strong, "never been started").add(Plain, ".").
			sentence(text(Plain, engineBegins(c)+" made it at ").at(n.Made, fullTime).add(Plain, ", and nothing has started it since."))
	default:
		if n.Made.IsZero() { // it may have run before nsviz watched
			t = t.add(Plain, " was ").add(Strong, "not started")
		} else {
			t = t.add(Plain, " ").add(Strong, "never started")
		}
		t = t.add(Plain, ": ").join(failedStart(c, n.Error, n.ExitCode)).sentence(emptyCgroup(n))
	}
	if !n.Removed.IsZero() {
		t = t.sentence(text(Plain, engineBegins(c)+" removed it at ").at(n.Removed, fullTime).add(Plain, "."))
	}
	return t
}

// emptyCgroup describes the cgroup of a failed start; nil if none is known to have been created.
func emptyCgroup(n *fact.NeverStarted) Text {
	switch {
	case !n.Tried.IsZero():
		return text(Plain, "Its cgroup was made at ").at(n.Tried, fullTime).
			add(Plain, fmt.Sprintf(" and removed after %s, and no program of its own ran in it.", duration(n.Failed.Sub(n.Tried))))
	case n.Error == "" && !n.Failed.IsZero():
		return text(Plain, "Its cgroup, which was there when nsviz looked, was removed at ").at(n.Failed, fullTime).
			add(Plain, ", and no program of its own ran in it meanwhile.")
	}
	return nil
}

// failedStart says why the engine could not start a container. It explains the exit code, which no program returned.
func failedStart(c *model.Container, reason string, code *int32) Text {
	engine := engineName(c)
	if reason == "" {
		return text(Plain, fmt.Sprintf("its start failed, and %s gave no reason.", engine))
	}
	// Docker ends with what kind of error it is, where it knows.
	reason = strings.TrimSuffix(strings.TrimSpace(reason), ": unknown")
	t := text(Plain, engine+" could not start it: ").add(Strong, strings.TrimSuffix(reason, ".")).add(Plain, ".")
	if code != nil {
		t = t.sentence(text(Plain, "The ").add(Strong, fmt.Sprintf("exit code %d", *code)).add(Plain, fmt.Sprintf(" is %s's own code for that.", engine)))
	}
	return t
}
