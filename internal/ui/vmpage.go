package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// vmPage describes what the host knows about a virtual machine, and how it differs from a container.
func vmPage(v *model.VM, s *model.Snapshot, w int) []line {
	above := append(vmTitle(v, w), paragraph(storyLine(story.VMInWords(v), s.Time), 1, w)...)
	return page(above, []pageBox{
		{"beside a container", func(w int) []line { return vmBeside(v, s, w) }},
		{"what the host sees: one process", func(w int) []line { return vmSeen(v, s, w) }},
		{"what is inside: a kernel of its own", vmHidden},
		{"what the process itself sees: namespaces", func(w int) []line { return vmNamespaces(v, w) }},
	}, w)
}

// vmTitle names the machine; it continues on a second line if the first has no room.
func vmTitle(v *model.VM, w int) []line {
	kind := "virtual machine"
	if v.Kind == fact.KindGVisor {
		kind = "a kernel in a process"
	}
	parts := []line{text(Name, v.Label()), text(Dim, kind)}
	if v.Container != "" {
		parts = append(parts, text(Dim, "in the container ").add(Name, v.Container))
	}
	return flow(append(parts, text(Dim, "host PID ").add(Number, strconv.Itoa(int(v.PID)))), 3, 1, w)
}

// vmNamespaces returns where the process of a virtual machine is. The guest has those of its own kernel.
func vmNamespaces(v *model.VM, w int) []line {
	lines := membershipLines(v.Namespaces, w)
	place := placeOf(v.Namespaces, "The process itself", "others").add(Plain, " Its guest has those of its own kernel.")
	return append(lines, place.dimmed().wrap(w)...)
}

// vmSeen returns what the host knows.
func vmSeen(v *model.VM, s *model.Snapshot, w int) []line {
	const names = 13
	var lines []line
	add := func(name string, value line) { lines = append(lines, facts(name, value, 0, names, w)...) }
	by := text(Strong, string(v.Kind))
	if v.Manager != "" {
		by = by.add(Plain, ", for "+v.Manager)
	}
	add("program", by)
	up := vmUp(v, s.Time)
	if !v.Started.IsZero() {
		since := clockIn(v.Started, s.Time)
		if s.Time.Sub(v.Started) >= 24*time.Hour {
			since = story.Minute(v.Started, s.Time.Location())
		}
		up = up.add(Dim, ", since "+since)
	}
	add("up", up)
	if v.Kind != fact.KindGVisor {
		processors := vcpus(v)
		if v.VCPUs != nil {
			processors = text(Strong, strconv.Itoa(*v.VCPUs)).add(Dim, ", as threads of the process")
		}
		add("processors", processors)
		add("run", vmAcceleration(v))
	}
	memory := vmMemory(v, 0, w-names)
	if v.MemoryBytes != nil && v.ResidentBytes != nil {
		memory = text(Strong, takenOf(*v.ResidentBytes, " of ", *v.MemoryBytes, w-names))
	}
	add("memory", memory)
	if v.MemoryBytes != nil && v.ResidentBytes != nil {
		lines = append(lines, line{}.space(names).join(barIn(Calm, *v.ResidentBytes, *v.MemoryBytes, max(w-names, 1))))
	}
	return lines
}

func vmAcceleration(v *model.VM) line {
	switch v.Acceleration {
	case "":
		return text(Unknown, "?")
	case fact.AccelerationEmulation:
		return text(Strong, "emulated").add(Dim, ", instruction by instruction")
	}
	return text(Strong, strings.ToUpper(string(v.Acceleration))).add(Dim, ": on the host's own processors")
}

// vmHidden returns what the host cannot know.
func vmHidden(w int) []line {
	const names = 13
	hidden := []string{"kernel", "processes", "containers", "namespaces", "OOM kills"}
	lines := make([]line, len(hidden))
	wall := max(w-names, 0)
	for i, name := range hidden {
		cell := text(Dim, strings.Repeat(opaqueSign, wall))
		if i == len(hidden)/2 {
			words := text(Plain, " not visible from here ").cut(wall)
			left := (wall - words.width()) / 2
			cell = text(Dim, strings.Repeat(opaqueSign, left)).join(words).add(Dim, strings.Repeat(opaqueSign, wall-left-words.width()))
		}
		lines[i] = text(Title, name).fit(names).join(cell)
	}
	return lines
}

// vmBeside compares the virtual machine with a container, in the terms of the host.
func vmBeside(v *model.VM, s *model.Snapshot, w int) []line {
	const names = 15
	column := max((w-names-2)/2, 8)
	var lines []line
	add := func(name string, container, vm line) {
		a, b := container.wrap(column), vm.wrap(column)
		for i := range max(len(a), len(b)) {
			at := func(lines []line) line {
				if i < len(lines) {
					return lines[i]
				}
				return nil
			}
			title := text(Title, name)
			if i > 0 {
				title = nil
			}
			lines = append(lines, title.fit(names).join(at(a).fit(column)).space(2).join(at(b)))
		}
	}
	kernel := "this host's"
	if with := kernel + ", " + kernelText(s.Host.Kernel); s.Host.Kernel != "" && foreign.Width(foreign.Clean(with)) <= column {
		kernel = with
	}
	row := func(name, container string, vm line) { add(name, text(Plain, container), vm) }
	add("", text(Title, "A CONTAINER"), text(Title, "THIS VIRTUAL MACHINE"))
	row("on the host", "processes with host PIDs", text(Plain, "one process, PID "+strconv.Itoa(int(v.PID))))
	if v.Kind == fact.KindGVisor {
		row("kernel", kernel, text(Strong, "its own").add(Plain, ": that process"))
		row("walls", "namespaces and cgroups", text(Plain, "system calls end there"))
		row("memory", "what it uses, up to a limit", text(Plain, "what it uses, up to a limit"))
		row("start", "in milliseconds, no boot", text(Plain, "starts its kernel first"))
	} else {
		given := "given at its start"
		if v.MemoryBytes != nil {
			given = story.Bytes(*v.MemoryBytes) + ", " + given
		}
		row("kernel", kernel, text(Strong, "its own").add(Plain, ", unknown to this one"))
		row("walls", "namespaces and cgroups", text(Plain, "a machine that "+string(v.Kind)+" makes"))
		row("memory", "what it uses, up to a limit", text(Plain, given))
		row("start", "in milliseconds, no boot", text(Plain, "boots its kernel first"))
	}
	row("out of memory", "this kernel kills in it", text(Plain, "its own kernel kills, unseen"))
	return lines
}
