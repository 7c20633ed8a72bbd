package story

import (
	"fmt"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// Cgroup describes a cgroup and its end. earlier is how many cgroups are known that had its path before.
func Cgroup(g *model.Cgroup, earlier int) Text {
	t := text(Number, g.Path)
	if g.Created.IsZero() {
		t = t.add(Plain, " was created unseen.")
	} else {
		t = t.add(Plain, " was made by ").join(actor(g.Creator, "")).add(Plain, " at ").at(g.Created, fullTime).add(Plain, ".")
	}
	if g.Container != nil {
		t = t.sentence(text(Plain, "It belongs to ").add(Name, g.Container.Label()).add(Plain, "."))
	}
	limited := cgroupLimits(&g.Limits)
	switch {
	case !g.Removed.IsZero():
		when := " at "
		if n := len(g.History); n > 0 && g.History[n-1].Kind == model.EntryGone { // when another one was made
			when = " before "
		}
		t = t.sentence(text(Plain, "It was ").add(Strong, "removed").add(Plain, when).at(g.Removed, fullTime).add(Plain, "."))
		if limited != "" {
			t = t.sentence(text(Plain, "It had "+limited+"."))
		}
	case limited != "":
		t = t.sentence(text(Plain, "It ").add(Strong, "is there").add(Plain, " and has "+limited+"."))
	default:
		t = t.sentence(text(Plain, "It ").add(Strong, "is there").add(Plain, "."))
	}
	if g.OOMKills > 0 {
		t = t.sentence(text(Plain, "The OOM killer took ").add(Strong, Count(g.OOMKills, "process", "processes")).
			add(Plain, " in it or because its limit was reached."))
	}
	if earlier > 0 {
		t = t.sentence(text(Plain, fmt.Sprintf("Before it, %s had the same path.", Count(uint64(earlier), "other one", "other ones"))))
	}
	return t
}

// cgroupLimits words the limits that are known.
func cgroupLimits(known *fact.CgroupLimits) string {
	var set []string
	none := 0
	for _, r := range []fact.Resource{fact.ResourceMemory, fact.ResourceSwap, fact.ResourceCPU, fact.ResourcePIDs} {
		l := known.Of(r)
		switch {
		case l == nil:
		case l.Value == nil && r == fact.ResourceSwap: // whether there is such a limit depends on the host
		case l.Value == nil:
			none++
		default:
			words := "a limit of " + LimitWords(r, *l)
			if r == fact.ResourceMemory || r == fact.ResourceSwap {
				words += " of " + string(r)
			}
			set = append(set, words)
		}
	}
	switch {
	case len(set) > 0:
		return Listed(set)
	case none == 3:
		return "no limits of its own"
	}
	return ""
}

// CgroupEntry words one entry of a cgroup's history, without its time.
func CgroupEntry(m *model.Entry) Text {
	var t Text
	switch m.Kind {
	case model.EntryKind(event.CgroupCreated):
		t = actor(m.By, "").add(Plain, " made it")
	case model.EntryKind(event.CgroupRemoved):
		t = actor(m.By, "").add(Plain, " removed it")
	case model.EntryMovedIn:
		t = author(m.By, nil, "").add(Plain, " moved a process into it")
	case model.EntryGone:
		t = text(Plain, "it was gone, and another one was made; its end was not seen")
	default:
		// The words of a kill name the victim's container.
		return Entry(m, &model.Container{})
	}
	return t.join(times(m))
}
