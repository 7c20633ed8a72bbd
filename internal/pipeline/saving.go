package pipeline

import (
	"slices"

	"github.com/nsviz/nsviz/internal/collect/ownmemory"
	"github.com/nsviz/nsviz/internal/fact"
)

// ownMemoryLoop is the loop as the monitor of nsviz's own memory knows it.
type ownMemoryLoop struct{ *loop }

func (l ownMemoryLoop) OwnMemoryChanged(m fact.OwnMemory) { l.ask(ownMemoryChanged(m)) }

// ownMemoryChanged is what nsviz may use, or what it does without, from now on.
type ownMemoryChanged fact.OwnMemory

// handle applies it, and shows what nsviz does without as a note on the host.
func (m ownMemoryChanged) handle(l *loop) {
	before := fact.Saving(l.saving.Swap(int32(m.Saving)))
	own := fact.OwnMemory(m)
	l.live.Save(m.Saving)
	l.apply(fact.Fact{OwnMemory: &own})
	if m.Saving == before {
		return
	}
	host := l.live.Snapshot().Host
	host.Notes = slices.DeleteFunc(slices.Clone(host.Notes), func(note string) bool { return note == ownmemory.Note(before) })
	if note := ownmemory.Note(m.Saving); note != "" {
		host.Notes = append(host.Notes, note)
	}
	l.apply(fact.Fact{Host: &host})
}

// savesSearches reports whether nsviz does without searches for what keeps a namespace.
func (l *loop) savesSearches() bool {
	return fact.Saving(l.saving.Load()) >= fact.SavesSearches
}
