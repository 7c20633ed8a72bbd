package webui

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// row is a workload in the table and on the map. What is unknown is absent.
type row struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Kind  string `json:"kind,omitempty"` // "" is a container
	What  string `json:"what,omitempty"`
	By    string `json:"by,omitempty"` // its runtime
	State string `json:"state"`
	// Since is when it started or, of an ended one, ended, in milliseconds. End says how.
	Since int64  `json:"since,omitempty"`
	End   string `json:"end,omitempty"`
	// Group is the key of its group, Member what it is called in there.
	Group  string `json:"group,omitempty"`
	Member string `json:"member,omitempty"`
	// Signs has one of each type of namespace, as the terminal has them; Place says the same in a sentence.
	Signs []string `json:"ns,omitempty"`
	Place string   `json:"place,omitempty"`

	Used  *uint64 `json:"used,omitempty"`
	Limit *uint64 `json:"limit,omitempty"`
	// Memory says both in words. Fill is how much of the limit, or else of the host, is in use and how much are cached files, in
	// thousandths; Tone is how near the limit is: calm, warn or alarm.
	Memory string `json:"mem"`
	Fill   []int  `json:"fill,omitempty"`
	Tone   string `json:"tone,omitempty"`

	CPU       *float64 `json:"cpu,omitempty"`
	Processes *int     `json:"procs,omitempty"`
	Kills     *uint64  `json:"kills,omitempty"`
	AtLeast   uint64   `json:"kills_least,omitempty"`
	Restarts  *uint64  `json:"restarts,omitempty"`
	StartMS   *float64 `json:"start,omitempty"`
	PID       int32    `json:"pid,omitempty"`
	Inside    int      `json:"inside,omitempty"`
	// Alerts are a word or two each.
	Alerts []string `json:"alerts,omitempty"`
}

// The tones of a gauge, and where they begin: the shares of the limit that the terminal warns at.
const (
	calm, warn, alarm  = "calm", "warn", "alarm"
	nearLimit, atLimit = 0.75, 0.92
	thousand           = 1000
	unknownWords       = "?"
	noLimit            = "no limit"
)

func bytesOf(n uint64) string { return story.Bytes(n) }

// rowOf returns the row of a container, which may be in a group.
func rowOf(c *model.Container, s *model.Snapshot, group, member string) *row {
	r := &row{
		ID: c.ID, Name: foreign.Name(c.Label), Kind: string(c.Kind), What: foreign.Name(story.What(c)), By: foreign.Name(c.Runtime), State: string(c.State),
		Group: group, Member: member, Restarts: c.AllRestarts(), PID: c.InitPID, Inside: c.Inside,
		Used: c.Memory.UsageBytes, Limit: c.Memory.LimitBytes, Kills: c.OOMKills,
	}
	if c.OOMKills == nil {
		r.AtLeast = c.OOMKillsAtLeast
	}
	if c.StartDuration != nil {
		r.StartMS = new(math.Round(float64(c.StartDuration.Microseconds())/100) / 10)
	}
	r.Memory = memoryWords(c.Memory)
	switch {
	case c.State == model.Created:
		r.End = "never started"
		if n := c.NeverStarted; n != nil {
			r.End = "never started: " + cmp.Or(foreign.Name(n.Error), "its start failed")
			r.Since = cmp.Or(millis(n.Failed), millis(n.Tried))
		}
		r.Memory = ""
		return r
	case !c.Live():
		r.Since = millis(c.Exited)
		r.End = foreign.Prose(story.BriefEnd(c.End()).String())
		return r
	}
	r.Since = millis(c.Begin().Time)
	r.Processes = c.Processes
	r.Signs, r.Place = signsOf(c.Namespaces), foreign.Prose(placeOf(c.Namespaces))
	if c.Use != nil && c.Use.CPUPercent != nil {
		r.CPU = new(math.Round(*c.Use.CPUPercent*10) / 10)
	}
	r.Fill, r.Tone = fillOf(c.Memory, s.Host.MemoryBytes)
	r.Alerts = alertsOf(c)
	return r
}

// vmKey identifies a virtual machine among the rows.
func vmKey(v *model.VM) string { return fmt.Sprintf("vm-%d", v.PID) }

func vmRow(v *model.VM) *row {
	r := &row{
		ID: vmKey(v), Name: foreign.Name(v.Label()), Kind: string(event.KindVM), What: foreign.Name(v.Manager), By: foreign.Name(string(v.Kind)), State: string(model.Running),
		Since: millis(v.Started), PID: v.PID, Used: v.ResidentBytes, Limit: v.MemoryBytes, Tone: calm,
		Place: "It has a kernel of its own: nothing inside is visible from the host.", Memory: unknownWords,
	}
	if v.Acceleration != "" && v.Acceleration != fact.AccelerationEmulation {
		r.What = foreign.Name(string(v.Acceleration))
	}
	for range event.NamespaceTypes() {
		r.Signs = append(r.Signs, vmSign)
	}
	switch {
	case v.ResidentBytes != nil && v.MemoryBytes != nil:
		r.Memory = story.BytesOf(*v.ResidentBytes, " of ", *v.MemoryBytes)
		r.Fill = []int{thousandths(*v.ResidentBytes, *v.MemoryBytes), 0}
	case v.ResidentBytes != nil:
		r.Memory = bytesOf(*v.ResidentBytes)
	}
	return r
}

// millis returns a time as browsers have it; 0 is unknown.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func memoryWords(m model.Memory) string {
	switch {
	case m.UsageBytes != nil && m.LimitBytes != nil:
		return story.BytesOf(*m.UsageBytes, " of ", *m.LimitBytes)
	case m.LimitBytes != nil:
		return unknownWords + " of " + bytesOf(*m.LimitBytes)
	case m.UsageBytes != nil && m.Unlimited:
		return bytesOf(*m.UsageBytes) + ", " + noLimit
	case m.UsageBytes != nil:
		return bytesOf(*m.UsageBytes) + ", limit " + unknownWords
	}
	return unknownWords
}

func thousandths(part, whole uint64) int {
	n := int(math.Round(min(float64(part)/float64(max(whole, 1)), 1) * thousand))
	if n == 0 && part > 0 {
		return 1
	}
	return n
}

// fillOf returns how full a room is: in use, then cached files. Without a limit it is measured by the memory of the host, 0 if that is unknown.
func fillOf(m model.Memory, host uint64) (fill []int, tone string) {
	if m.UsageBytes == nil {
		return nil, ""
	}
	whole := host
	if m.LimitBytes != nil {
		whole = *m.LimitBytes
	}
	if whole == 0 {
		return nil, ""
	}
	used := *m.UsageBytes
	if m.WorkingSetBytes != nil {
		used = min(used, *m.WorkingSetBytes)
	}
	tone = calm
	if m.LimitBytes != nil {
		switch r := float64(used) / float64(whole); {
		case r >= atLimit:
			tone = alarm
		case r >= nearLimit:
			tone = warn
		}
	}
	inUse := thousandths(used, whole)
	return []int{inUse, thousandths(*m.UsageBytes, whole) - inUse}, tone
}

func alertsOf(c *model.Container) (alerts []string) {
	if c.Unheld != nil {
		alerts = append(alerts, "not held")
	}
	if c.Stuck != nil {
		alerts = append(alerts, "stuck")
	}
	if c.State == model.Paused {
		alerts = append(alerts, "paused")
	}
	if n := c.PIDsRefused; n != nil && *n > 0 {
		alerts = append(alerts, story.Grouped(*n)+" processes refused")
	}
	if f := c.Forecast; f != nil {
		alerts = append(alerts, "full in "+story.Soon(f.In))
	}
	return alerts
}
