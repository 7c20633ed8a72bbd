package ui

import (
	"strconv"
	"time"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// sortEpoch is what times are counted from when containers are sorted.
var sortEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// cutMiddle cuts the middle out of a text that is too long.
func cutMiddle(s string, w int) string { return foreign.CutMiddle(foreign.Clean(s), w) }

// stateText returns the state of a live container.
func stateText(ct *model.Container) line {
	style := Plain
	switch ct.State {
	case model.Paused:
		style = Warn
	case model.Starting:
		style = Creation
	}
	return text(style, string(ct.State))
}

// createdText returns when a container was created: the time of day, or the date if that is longer ago than a day.
func createdText(ct *model.Container, s *model.Snapshot) line {
	switch {
	case ct.Created.IsZero():
		return text(Unknown, "?")
	case s.Time.Sub(ct.Created) > 24*time.Hour:
		return text(Plain, ct.Created.In(s.Time.Location()).Format("2 Jan"))
	}
	return text(Plain, clockIn(ct.Created, s.Time))
}

// oomText returns how many OOM kills there were in a container since it started.
func oomText(ct *model.Container) line {
	switch n := ct.OOMKillsAtLeast; {
	case ct.OOMKills == nil && n == 0:
		return text(Unknown, "?")
	case ct.OOMKills == nil:
		return text(KillMark, strconv.FormatUint(n, 10)).add(Unknown, "+")
	case n > 0:
		return text(KillMark, strconv.FormatUint(n, 10))
	}
	return text(Dim, "0")
}

func processesText(ct *model.Container) line {
	switch {
	case ct.Processes == nil:
		return text(Unknown, "?")
	case refusedAny(ct):
		return text(Warn, strconv.Itoa(*ct.Processes)+"!")
	}
	return text(Plain, strconv.Itoa(*ct.Processes))
}

// refusedAny reports whether a limit has refused processes to a container.
func refusedAny(ct *model.Container) bool { return ct.PIDsRefused != nil && *ct.PIDsRefused > 0 }

func pidText(pid int32) line {
	if pid == 0 {
		return text(Unknown, "?")
	}
	return text(Number, strconv.Itoa(int(pid)))
}

// beganAt returns when the container began, as far as known.
func beganAt(ct *model.Container) time.Time {
	if !ct.Started.IsZero() {
		return ct.Started
	}
	return ct.Created
}

func upText(ct *model.Container, s *model.Snapshot) line {
	if ct.State == model.Starting {
		if v := machineOf(ct, s); v != nil {
			return vmUp(v, s.Time) // the container's own program does not start on this kernel
		}
		return text(Creation, "starts")
	}
	if ct.State == model.Paused {
		return text(Warn, "paused")
	}
	from := beganAt(ct)
	if from.IsZero() {
		return text(Unknown, "?")
	}
	return text(Plain, story.Uptime(s.Time.Sub(from)))
}

// lifetimeText returns how long an ended container lived.
func lifetimeText(ct *model.Container) line {
	from := ct.Begin()
	if from.Time.IsZero() || ct.Exited.IsZero() {
		return text(Dim, "?")
	}
	return text(Dim, story.Uptime(ct.Ended().Sub(from)))
}

func startText(ct *model.Container) line {
	if ct.StartDuration == nil {
		return text(Unknown, "?")
	}
	return text(Plain, story.StartDuration(*ct.StartDuration))
}

// orUnknown returns a text, or a question mark if it is empty.
func orUnknown(s string) line {
	if s == "" {
		return text(Unknown, "?")
	}
	return text(Plain, s)
}
