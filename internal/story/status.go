package story

import (
	"fmt"
	"time"

	"github.com/docker/go-units"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Status words where a container is in its life, and since when, as `docker ps` does.
func Status(c *model.Container, now model.Stamp) string {
	switch c.State {
	case model.Created:
		if n := c.NeverStarted; n != nil && n.StartFailed() {
			return "Created, its start failed"
		}
		return "Created"
	case model.Starting:
		return "Starting"
	case model.Paused:
		return "Paused"
	case model.Exited:
		return exitedStatus(c, now)
	}
	if c.Started.IsZero() {
		return "Running"
	}
	return up(now.Sub(model.Stamp{Time: c.Started, At: c.StartedAt}))
}

// Up words since when a virtual machine runs.
func Up(since, now time.Time) string {
	if since.IsZero() {
		return "Running"
	}
	return up(now.Sub(since))
}

func up(d time.Duration) string { return "Up " + units.HumanDuration(d) }

func exitedStatus(c *model.Container, now model.Stamp) string {
	words := "Exited"
	if x := c.Exit; x != nil && x.Code != nil {
		words += fmt.Sprintf(" (%d)", *x.Code)
	} else if x != nil && x.Signal != 0 {
		words += fmt.Sprintf(" (signal %d)", x.Signal)
	}
	if !c.Exited.IsZero() {
		words += " " + units.HumanDuration(now.Sub(c.Ended())) + " ago"
	}
	switch {
	case c.NeverRan:
		words += ", OOM-killed before its own program ran"
	case c.Exit != nil && c.Exit.Cause == event.CauseOOMKill:
		words += ", OOM-killed"
	}
	return words
}
