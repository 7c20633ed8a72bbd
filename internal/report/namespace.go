package report

import (
	"fmt"
	"io"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// NamespaceAnswer is what `nsviz why TYPE:[ID] -o json` prints, described in docs/EVENTS.md.
type NamespaceAnswer struct {
	Type   event.NamespaceType `json:"type"`
	ID     uint64              `json:"id"`
	Owner  uint64              `json:"owner,omitempty"`
	Parent uint64              `json:"parent,omitempty"`
	// Host is set for the host's own namespaces.
	Host     bool           `json:"host,omitempty"`
	Created  time.Time      `json:"created,omitzero"`
	Via      event.Via      `json:"via,omitempty"`
	Creator  *event.Process `json:"creator,omitempty"`
	Freed    time.Time      `json:"freed,omitzero"`
	FreedVia event.Via      `json:"freed_via,omitempty"`
	// Processes, Containers and PinnedBy are its present members and what keeps it.
	Processes []int32 `json:"processes,omitempty"`
	// ProcessesIncomplete is set if nsviz may not see most of the host's processes.
	ProcessesIncomplete bool     `json:"processes_incomplete,omitempty"`
	Containers          []string `json:"containers,omitempty"`
	PinnedBy            []string `json:"pinned_by,omitempty"`
	// Earlier is the number of known earlier namespaces of this type with the same number.
	Earlier  int           `json:"earlier,omitempty"`
	Sentence string        `json:"sentence"`
	History  []model.Entry `json:"history"`
}

// NoNamespaceError reports that no such namespace is known.
type NoNamespaceError struct{ Name story.NamespaceName }

func (e *NoNamespaceError) Error() string {
	return fmt.Sprintf("nothing is known of a namespace %s", e.Name)
}

// WhyNamespace describes what became of a namespace. If several had the number one after the other, it is the live one, or else
// the one that was freed last. It fails with NoNamespaceError.
func WhyNamespace(s *model.Snapshot, name story.NamespaceName) (NamespaceAnswer, error) {
	var found *model.Namespace
	earlier := 0
	for _, list := range [][]model.Namespace{s.Namespaces, s.Freed} {
		for i := range list {
			switch n := &list[i]; {
			case n.Type != name.Type || n.ID != name.ID:
			case found == nil:
				found = n
			default:
				earlier++
			}
		}
	}
	if found == nil {
		return NamespaceAnswer{}, &NoNamespaceError{name}
	}
	a := NamespaceAnswer{
		Type: found.Type, ID: found.ID, Owner: found.Owner, Parent: found.Parent, Host: found.Host,
		Created: found.Created, Via: found.Via, Creator: found.Creator, Freed: found.Freed, FreedVia: found.FreedVia,
		Processes: found.Processes, Containers: found.Containers, PinnedBy: found.PinnedBy, Earlier: earlier,
		ProcessesIncomplete: s.Unseen.Blind(), History: found.History,
	}
	if a.History == nil {
		a.History = []model.Entry{}
	}
	a.Sentence = a.words().String()
	return a, nil
}

// words returns the sentence; its times and names are separate pieces.
func (a *NamespaceAnswer) words() story.Text {
	return story.Namespace(&model.Namespace{
		Type: a.Type, ID: a.ID, Owner: a.Owner, Parent: a.Parent, Host: a.Host, Created: a.Created, Via: a.Via, Creator: a.Creator,
		Freed: a.Freed, FreedVia: a.FreedVia, Processes: a.Processes, Containers: a.Containers, PinnedBy: a.PinnedBy,
	}, a.Earlier, a.ProcessesIncomplete)
}

// WriteText writes the answer for people on the first line, and the history below it, with times in a zone.
func (a *NamespaceAnswer) WriteText(out io.Writer, zone *time.Location) error {
	return writeAnswer(out, a.words(), a.History, story.NamespaceEntry, zone)
}
