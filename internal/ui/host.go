package ui

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// hostView is a page on the host.
type hostView struct{ pageView }

func (hostView) title() string                          { return "Host" }
func (hostView) help() (name string, words []explained) { return "this host", nil }

// page returns what nsviz knows about the host, how it learned it, and what it missed.
func (hostView) page(s *model.Snapshot, st State, w int) []line {
	const left, names = 2, 14
	var lines []line
	section := func(title string) {
		if len(lines) > 0 {
			lines = append(lines, nil)
		}
		lines = append(lines, text(Strong, " "+title))
	}
	add := func(name string, value line) { lines = append(lines, facts(name, value, left, names, w)...) }

	section("This host")
	add("name", orUnknown(s.Host.Name))
	kernel := orUnknown(s.Host.Kernel)
	if s.Host.Kernel != "" {
		kernel = text(Plain, kernelText(s.Host.Kernel))
	}
	add("kernel", kernel)
	add("cgroups", cgroupVersion(s.Host.CgroupVersion))
	memory, cpus := text(Unknown, "?"), text(Unknown, "?")
	if s.Host.MemoryBytes > 0 {
		memory = text(Plain, story.Bytes(s.Host.MemoryBytes))
	}
	if s.Host.CPUs > 0 {
		cpus = text(Plain, strconv.Itoa(s.Host.CPUs))
	}
	add("memory", memory)
	add("processors", cpus)

	if u := s.Unseen; u.Any() {
		words := fmt.Sprintf("the namespaces of %d are unknown: nsviz may not look into them", u.Processes)
		if u.Hidden {
			words = "/proc hides those of other users, and who is in which namespace"
		}
		add("processes", text(Unknown, "?").add(Plain, " "+words))
	}

	if s.Unlisted > 0 {
		add("sandboxes", text(Unknown, "?").add(Plain, fmt.Sprintf(" %d are not listed: their users have more than nsviz keeps", s.Unlisted)))
	}

	section("How nsviz learns each fact")
	lines = append(lines, probeLines(s, w)...)

	section("Container engines, asked for names")
	if len(s.Engines) == 0 {
		lines = append(lines, text(Dim, "  none asked yet"))
	}
	for _, e := range s.Engines {
		style := Warn
		if e.State == fact.EngineConnected {
			style = Calm
		}
		value := text(style, string(e.State))
		if e.Detail != "" {
			value = value.add(Dim, ": ").add(Plain, e.Detail)
		}
		add(e.Label(s.Engines), value)
	}

	section("What nsviz missed")
	missed := tally(s.Totals.Lost, "events lost", names)
	missed = append(missed, tally(s.Totals.BPFErrors, "failed reads in the kernel", names)...)
	if len(missed) == 0 {
		missed = []line{text(Calm, "  nothing").add(Dim, ": no event was lost, no read in the kernel failed")}
	}
	lines = append(lines, missed...)

	section("Events since nsviz started")
	var parts []line
	for _, t := range event.Types() {
		if n := s.Totals.Events[t]; n > 0 {
			parts = append(parts, text(Plain, string(t)).add(Strong, fmt.Sprintf(" %d", n)))
		}
	}
	if len(parts) == 0 {
		parts = []line{text(Dim, "none yet")}
	}
	lines = append(lines, flow(parts, 3, left, w)...)
	notes := slices.Clone(s.Host.Notes)
	for _, n := range st.Notes {
		if !slices.Contains(notes, n) { // a warning at the start says the same
			notes = append(notes, n)
		}
	}
	for i, n := range notes {
		if i == 0 {
			section("Notes")
		}
		style := Plain
		if i < len(s.Host.Notes) {
			style = Warn
		}
		lines = append(lines, paragraph(text(style, n), left, w)...)
	}
	return lines
}

func cgroupVersion(version string) line {
	switch version {
	case "v1":
		return text(Plain, "v1").add(Dim, ": one tree per resource; nsviz follows the memory tree")
	case "v2":
		return text(Plain, "v2").add(Dim, ": one tree for all resources")
	case "hybrid":
		return text(Plain, "hybrid").add(Dim, ": v1 controllers beside a v2 tree; nsviz follows v1's memory tree")
	}
	return orUnknown(version)
}

// probeLines returns the table of facts and hooks; the reasons wrap beside them.
func probeLines(s *model.Snapshot, w int) []line {
	if s.Probes == nil {
		return []line{text(Dim, "  attaching…")}
	}
	if len(s.Probes) == 0 {
		return []line{text(Warn, "  none: nsviz only sees what /proc shows")}
	}
	name, method := min(max(w/3, 12), 26), 11
	var lines []line
	for _, p := range s.Probes {
		style := Calm
		if p.Method == fact.MethodNone || p.Method == "" {
			style = Warn
		}
		l := line{}.space(2).join(text(Plain, string(p.Name)).fit(name)).space(1).join(text(style, string(p.Method)).fit(method)).space(1)
		reason := text(Dim, p.Reason).wrap(max(w-l.width()-1, 8))
		if p.Reason == "" {
			reason = []line{nil}
		}
		for i, r := range reason {
			if i > 0 {
				l = line{}.space(l.width())
			}
			lines = append(lines, l.join(r))
			if i == 0 {
				l = line{}.space(2 + name + 1 + method + 1)
			}
		}
	}
	return lines
}

// tally lists the counts that are not zero, by name.
func tally[K ~string](counts map[K]uint64, what string, names int) []line {
	var keys []K
	for k, n := range counts {
		if n > 0 {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var lines []line
	for _, k := range keys {
		lines = append(lines, text(Warn, "  "+strconv.FormatUint(counts[k], 10)).fit(2+names).add(Plain, what+": "+string(k)))
	}
	return lines
}
