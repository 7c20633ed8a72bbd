package story

import (
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// maxBrief is the length of a brief history.
const maxBrief = 12

// Brief returns the latest entries of a container's history without the details of starts: changes, joins from outside,
// kills. left is how many entries it leaves out.
func Brief(entries []model.Entry) (brief []model.Entry, left int) {
	started := false
	for i := range entries {
		m := &entries[i]
		if m.Kind == model.EntryKind(event.ContainerStarted) || m.Kind == model.EntryFound {
			started = true
		}
		if m.Kind == model.EntryKind(event.CgroupCreated) {
			started = false // anew
		}
		if inBrief(m, started) {
			brief = append(brief, *m)
		}
	}
	brief = brief[max(len(brief)-maxBrief, 0):]
	for i := range brief {
		brief[i].LeftOut = 0 // it is about the full history
	}
	return brief, len(entries) - len(brief)
}

// inBrief reports whether an entry belongs into a brief history.
func inBrief(m *model.Entry, started bool) bool {
	switch m.Kind {
	case model.EntryKind(event.CgroupCreated), model.EntryKind(event.CgroupRemoved):
		return false
	case model.EntryKind(event.NamespaceCreated):
		return started
	case model.EntryKind(event.NamespaceJoined):
		// The engine joins a net namespace to set it up.
		setUp := len(m.Namespaces) == 1 && m.Namespaces[0].Type == event.Net && SenderOf(m.By, "") == SenderEngine
		return started && !setUp
	case model.EntryEngineEvent:
		switch m.Action {
		case fact.ActionStart, fact.ActionDie, fact.ActionExec, fact.ActionUpdate, fact.ActionOOM, fact.ActionKill, fact.ActionStop,
			fact.ActionPause, fact.ActionUnpause, fact.ActionRename: // the kernel's side of it has an entry
			return false
		}
	case model.EntryEngineReport: // it stands in the sentence
		return false
	}
	return true
}
