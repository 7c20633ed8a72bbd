package story

import (
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// The signs of a workload's place in a namespace. One that is shared has a letter: see GroupLetter.
const (
	OwnSign     = "●"
	HostSign    = "○"
	DeadSign    = "!" // the container that it was made for has another one
	UnknownSign = "?"
)

// Sign returns the sign of a membership.
func Sign(m model.Membership) string {
	if m.Abandoned != nil {
		return DeadSign
	}
	switch m.Relation {
	case model.RelationOwn:
		return OwnSign
	case model.RelationHost:
		return HostSign
	case model.RelationShared:
		return GroupLetter(m.Group)
	}
	return UnknownSign
}

// IsolatedByDefault reports whether container engines create a namespace of a type by default. A container in the host's one is less
// isolated than most.
func IsolatedByDefault(t event.NamespaceType) bool {
	switch t {
	case event.Mnt, event.PID, event.Net, event.IPC, event.UTS:
		return true
	}
	return false
}
