package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/story"
)

// opaqueSign stands for what cannot be seen from the host.
const opaqueSign = "▒"

// listedVMs returns the virtual machines that the search lets through, by PID.
func listedVMs(s *model.Snapshot, needle string) []*model.VM {
	var out []*model.VM
	for i := range s.VMs {
		v := &s.VMs[i]
		if query.VMs.Match(v, needle) {
			out = append(out, v)
		}
	}
	return out
}

// vmKey distinguishes a virtual machine from a later one with the same PID, and from containers, since no id has a slash.
func vmKey(v *model.VM) string { return fmt.Sprintf("/vm/%d/%d", v.PID, v.Started.UnixNano()) }

// machineOf returns the virtual machine that a container runs in completely, like Kata's and gVisor's; nil for others. The
// namespaces of such a container are the monitor's, and say nothing about its isolation.
func machineOf(c *model.Container, s *model.Snapshot) *model.VM {
	for _, v := range s.InContainer(c) {
		if v.Manager == fact.ManagerKata || v.Kind == fact.KindGVisor || c.InitPID == 0 || c.InitPID == v.PID {
			return v
		}
	}
	return nil
}

// vmInside fills the place of a virtual machine's namespaces and, if there is no other place for that, names what runs it.
func vmInside(v *model.VM, in tableRow) line {
	words := "not visible"
	namespace := in.namespace()
	switch {
	case namespace < 4:
	case in.of(columnImage) > 0 || in.of(columnSpark) > 0:
		words = "not visible from here"
	default:
		const around = 2 + 2 + 3 // the shades, the blanks, and ": " with the last column's blank
		words = runBy(v, namespaceColumns*namespace-len(words)-around) + ": " + words
	}
	return opaque(words, namespace)
}

func vmUp(v *model.VM, now time.Time) line {
	if v.Started.IsZero() {
		return text(Unknown, "?")
	}
	return text(Plain, story.Uptime(now.Sub(v.Started)))
}

// vmName returns a virtual machine's name, with the container that it is in.
func vmName(v *model.VM) line {
	l := text(Name, v.Label())
	if v.Container != "" {
		l = l.add(Dim, " in "+v.Container)
	}
	return l
}

// runBy returns the program and what runs the guest's code, in at most w columns: only the latter if both have no room.
func runBy(v *model.VM, w int) string {
	by := string(v.Acceleration)
	switch v.Acceleration {
	case "":
		return string(v.Kind)
	case fact.AccelerationEmulation:
		by = "emulated"
	default:
		by = strings.ToUpper(by)
	}
	if both := string(v.Kind) + ", " + by; foreign.Width(foreign.Clean(both)) <= w {
		return both
	}
	return by
}

// opaque fills the eight namespace columns, w columns wide each.
func opaque(words string, w int) line {
	l := text(Plain, " "+words+" ").cut(namespaceColumns*w - 1)
	blank := namespaceColumns*w - 1 - l.width()
	shade := func(n int) string { return strings.Repeat(opaqueSign, n) }
	return text(Dim, shade(blank/2)).join(l).add(Dim, shade(blank-blank/2)).space(1)
}

// vmMemory returns the process's memory beside the guest's. Using all of it is no cause for alarm.
func vmMemory(v *model.VM, barWidth, textWidth int) line {
	var l line
	switch given, taken := v.MemoryBytes, v.ResidentBytes; {
	case given != nil && taken != nil:
		if barWidth > 0 {
			l = barIn(Calm, *taken, *given, barWidth).space(1)
		}
		l = l.join(text(Plain, takenOf(*taken, "/", *given, textWidth)).cut(textWidth))
	case given != nil:
		l = text(Unknown, "?").add(Plain, "/"+story.Bytes(*given))
	case taken != nil && v.Kind == fact.KindGVisor:
		l = text(Plain, story.Bytes(*taken))
	case taken != nil:
		l = text(Plain, story.Bytes(*taken)+"/").add(Unknown, "?")
	default:
		l = text(Unknown, "?")
	}
	if barWidth > 0 {
		textWidth += barWidth + 1
	}
	return l.fit(textWidth)
}

// takenOf returns a size beside another, each in its own unit if that fits into w columns.
func takenOf(taken uint64, sep string, given uint64, w int) string {
	unit := func(n uint64) string {
		_, name, _ := strings.Cut(story.Bytes(n), " ")
		return name
	}
	if long := story.Bytes(taken) + sep + story.Bytes(given); unit(taken) != unit(given) && len(long) <= w {
		return long
	}
	return story.BytesOf(taken, sep, given)
}

func vcpus(v *model.VM) line {
	switch {
	case v.VCPUs != nil:
		return text(Plain, strconv.Itoa(*v.VCPUs))
	case v.Kind == fact.KindGVisor:
		return text(Dim, "-")
	}
	return text(Unknown, "?")
}

// vmLegend explains how a virtual machine differs.
func vmLegend(c columns, w int) []line {
	var parts []line
	if c.namespace() > 0 {
		parts = append(parts, text(Plain, opaqueSign).add(Dim, " its own kernel, nothing inside visible from here"))
	}
	parts = append(parts, text(Title, "VCPU").add(Dim, " its threads"))
	return flow(parts, 3, marker, w)
}
