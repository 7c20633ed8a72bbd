package story

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// Entry words one entry of a container's history, without its time.
func Entry(m *model.Entry, c *model.Container) Text {
	var t Text
	switch m.Kind {
	case model.EntryFound:
		t = text(Plain, "nsviz looked, and it was there"+initWords(m, &event.Container{Kind: c.Kind}))
		t = t.join(whereWords(m.Namespaces))
	case model.EntryKind(event.CgroupCreated):
		t = actor(m.By, c.ID).add(Plain, " made its cgroup ").add(Number, ShortPath(m.Cgroup))
	case model.EntryKind(event.CgroupRemoved):
		t = actor(m.By, c.ID).add(Plain, " removed its cgroup")
	case model.EntryKind(event.NamespaceCreated):
		t = actor(m.By, c.ID).add(Plain, " made "+typeList(m.Namespaces)+byCall(m.Via))
	case model.EntryKind(event.NamespaceJoined):
		t = actor(m.By, c.ID).add(Plain, " joined ").join(joined(m))
		switch {
		case m.Starting:
			t = t.add(Plain, " while it was starting")
		case byRuntime(m, c):
			t = t.add(Plain, asCommands(c, runtime.Exec))
		}
	case model.EntryKind(event.ContainerEntered):
		t = enteredWords(m, c)
	case model.EntryKind(event.ContainerStarted):
		t = startWords(m)
	case model.EntryLimits:
		t = text(Plain, "the first reading of its limits found "+Listed(limitList(m.Limits)))
	case model.EntryLimitsChanged:
		t = changeWords(m, c.ID)
	case model.EntryKind(event.OOMKill):
		return killWords(m, c)
	case model.EntryUnobservedKills:
		return text(Plain, "the kernel has counted ").add(Strong, Count(m.Times(), "OOM kill", "OOM kills")).add(Plain, " that no event reported").join(until(m))
	case model.EntryPIDsRefused:
		return text(Plain, "the kernel refused it a new process or thread ").add(Strong, timesWords(m.Times())).
			add(Plain, ": a limit of processes was reached").join(until(m))
	case model.EntryKind(event.InitMoved):
		t = movedWords(m, c.ID)
	case model.EntryStuck:
		t = text(Strong, "stuck").add(Plain, " at the limit of ").add(Number, CgroupWords(m.Cgroup)).add(Plain, ", for which the OOM killer is off")
	case model.EntryUnstuck:
		t = text(Plain, "stuck at its limit no more")
	case model.EntryRenamed:
		t = renameWords(m.Renamed)
	case model.EntryPaused, model.EntryResumed:
		t = freezeWords(m, c)
	case model.EntryKind(event.ContainerExited):
		t = exitWords(m.Time, m.Exit)
	case model.EntryGone:
		t = text(Plain, "it was gone; its end was not seen")
	case model.EntryAbandoned:
		t = abandonedWords(m)
	case model.EntryNeverRan:
		t = text(Plain, "it ended, and its own program ").add(Strong, "never ran").add(Plain, ": its start was OOM-killed")
	case model.EntryEngineReport:
		t = engineReportWords(engineName(c), m.EngineReport)
	case model.EntryEngineEvent:
		t = text(Plain, engineName(c)+" reported: ").add(Strong, string(m.Action))
	default: // of a later version
		t = text(Plain, string(m.Kind))
	}
	return t.join(times(m))
}

// NamespaceEntry words one entry of a namespace's history, without its time.
func NamespaceEntry(m *model.Entry) Text {
	var t Text
	switch m.Kind {
	case model.EntryFound:
		t = text(Plain, "nsviz looked, and it was there")
		if m.Container != nil {
			t = text(Plain, "nsviz looked, and ").add(Name, m.Container.Label()).add(Plain, " was in it"+initWords(m, m.Container))
		}
	case model.EntryKind(event.NamespaceCreated):
		t = actor(m.By, "").add(Plain, " made it"+byCall(m.Via))
		if m.By == nil {
			t = text(Plain, "it was found; its creation was not seen")
		}
	case model.EntryKind(event.NamespaceJoined):
		t = actor(m.By, "").add(Plain, " joined it")
	case model.EntryKind(event.NamespaceFreed):
		t = text(Plain, "it was found gone, or its number in use by another one")
		if m.Via == event.ViaKernel {
			t = text(Plain, "the kernel freed it")
		}
	case model.EntryKind(event.ContainerStarted):
		t = text(Name, m.Container.Label()).add(Plain, " started in it"+initWords(m, m.Container))
	case model.EntryKind(event.ContainerExited):
		t = text(Name, m.Container.Label()).add(Plain, ", which was in it, ended: ").join(exitWords(m.Time, m.Exit))
	case model.EntryGone:
		t = text(Name, m.Container.Label()).add(Plain, ", which was in it, was gone")
	case model.EntryNeverRan:
		t = text(Name, m.Container.Label()).add(Plain, ", which was in it, ended before its own program ran: its start was OOM-killed")
	default: // of a later version
		t = text(Plain, string(m.Kind))
	}
	return t.join(times(m))
}

// until words when something repeated last happened.
func until(m *model.Entry) Text {
	if m.Until.IsZero() {
		return nil
	}
	return text(Plain, ", the latest at ").at(m.Until, clockTime)
}

// times words how often something happened if more than once.
func times(m *model.Entry) Text {
	if m.Times() == 1 {
		return nil
	}
	return text(Plain, ", "+Grouped(m.Times())+" times").join(until(m))
}

// Grouped writes a number in groups of three digits.
func Grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func typeNames(namespaces []model.EntryNamespace) []string {
	names := make([]string, len(namespaces))
	for i, n := range namespaces {
		names[i] = n.Type.String()
	}
	slices.SortFunc(names, func(a, b string) int {
		x, _ := event.ParseNamespaceType(a)
		y, _ := event.ParseNamespaceType(b)
		return int(x) - int(y)
	})
	return names
}

// typeList words the types of namespaces: its net and uts namespaces.
func typeList(namespaces []model.EntryNamespace) string {
	if len(namespaces) == 1 {
		n := "a " + namespaces[0].Type.String() + " namespace"
		if namespaces[0].Type == event.IPC || namespaces[0].Type == event.UTS {
			n = "an" + n[1:]
		}
		return n
	}
	return Listed(typeNames(namespaces)) + " namespaces"
}

// joined words whose namespaces were joined.
func joined(m *model.Entry) Text {
	names := Listed(typeNames(m.Namespaces)) + " namespace"
	if len(m.Namespaces) != 1 {
		names += "s"
	}
	switch {
	case len(m.Namespaces) == 0:
		return text(Plain, "a namespace")
	case m.Namespaces[0].Host:
		return text(Strong, "the host's").add(Plain, " "+names)
	case m.Namespaces[0].Container != nil:
		return text(Plain, "the "+names+" of ").add(Name, m.Namespaces[0].Container.Label())
	case m.Namespaces[0].Own:
		return text(Plain, "its "+names)
	case len(m.Namespaces) == 1:
		return text(Plain, "another "+names)
	}
	return text(Plain, "other "+names)
}

// whereWords words which of a container's namespaces are not its own.
func whereWords(namespaces []model.EntryNamespace) Text {
	var hosts []model.EntryNamespace
	var t Text
	for i := range namespaces {
		switch n := &namespaces[i]; {
		case n.Host:
			hosts = append(hosts, *n)
		case n.Container != nil:
			t = t.add(Plain, "; "+n.Type.String()+" is shared with ").add(Name, n.Container.Label())
		}
	}
	switch names := Listed(typeNames(hosts)); len(hosts) {
	case 0:
	case 1:
		t = t.add(Plain, "; "+names+" is the host's")
	default:
		t = t.add(Plain, "; "+names+" are the host's")
	}
	return t
}

func startWords(m *model.Entry) Text {
	t := text(Plain, "its own program ").add(Strong, "started")
	if m.Init != nil {
		t = t.add(Plain, initFacts(m.Init.PID, m.Init.Comm))
	}
	if m.Start != nil && m.Start.DurationMS != nil {
		t = t.add(Plain, ", "+StartDuration(millis(*m.Start.DurationMS))+" after its cgroup was made")
		for _, phase := range m.Start.Phases {
			if phase.Name == "namespaces" {
				t = t.add(Plain, " (its namespaces after "+StartDuration(millis(phase.AtMS))+")")
			}
		}
	}
	return t.join(whereWords(m.Namespaces))
}

func killWords(m *model.Entry, c *model.Container) Text {
	if m.OOM == nil {
		return text(Plain, "an OOM kill; nothing else is known about it")
	}
	k := &model.Kill{Event: event.Event{PID: m.OOM.Victim.PID, Comm: m.OOM.Victim.Comm, Container: m.OOM.Victim.Container, OOM: m.OOM}}
	t := text(Plain, "the ").add(Strong, "kernel's OOM killer").add(Plain, " killed ")
	if m.Times() > 1 {
		t = t.add(Strong, Count(m.Times(), "process", "processes")).join(until(m)).add(Plain, ": ")
	}
	t = t.join(victim(k))
	switch {
	case m.OOM.Victim.Init:
		t = t.add(Plain, ", its PID 1")
	case m.OOM.Victim.Starting:
		t = t.add(Plain, ", a process of its runtime")
	}
	if line := CommandLine(&m.OOM.Victim); line != "" && line != VictimComm(k) {
		t = t.add(Plain, ", called ").add(Number, line)
	}
	return t.add(Plain, ". ").join(killWhy(k, m.OOM, c))
}

// abandonedWords says that the container which a namespace was made for has another one.
func abandonedWords(m *model.Entry) Text {
	t := text(Name, m.Container.Label()).add(Plain, " got a new "+Listed(typeNames(m.Namespaces))+" namespace")
	return t.add(Plain, ": this container is still in the earlier one, ").add(Strong, "a dead one")
}

func engineReportWords(engine string, v *fact.EngineReport) Text {
	switch {
	case v != nil && v.StartError != "":
		return text(Plain, engine+" reported about its start: ").add(Strong, strings.TrimSuffix(v.StartError, ": unknown"))
	case v == nil || v.ExitCode == nil && v.OOMKilled == nil && !v.Removed:
		return text(Plain, engine+" reported nothing about its end")
	case v.ExitCode == nil && v.OOMKilled == nil:
		return text(Plain, engine+" no longer knew it when asked about its end")
	}
	var words []string
	if v.ExitCode != nil {
		words = append(words, fmt.Sprintf("exit code %d", *v.ExitCode))
	}
	if v.OOMKilled != nil {
		words = append(words, fmt.Sprintf("OOMKilled=%t", *v.OOMKilled))
	}
	return text(Plain, engine+" reported about its end: ").add(Strong, strings.Join(words, ", "))
}
