package webui

import (
	"io"
	"net/http"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// maxMembers bounds the workloads that a namespace lists, maxKept the namespaces without a process.
const (
	maxMembers = 200
	maxKept    = 40
)

// sharing is who shares the namespaces of a type.
type sharing struct {
	Type string `json:"type"`
	Sees string `json:"sees"`
	// Host is the host's own; Shared are those of several workloads; Own are the workloads with one to themselves.
	Host   set   `json:"host"`
	Shared []set `json:"shared,omitempty"`
	Own    []who `json:"own,omitempty"`
	// MoreOwn is how many others have one to themselves.
	MoreOwn int `json:"own_more,omitempty"`
	// Others is how many namespaces have processes, and no workload; Kept are those that something else than a process keeps.
	Others int    `json:"others,omitempty"`
	Kept   []kept `json:"kept,omitempty"`
}

// set is a namespace with the workloads in it.
type set struct {
	ID      uint64 `json:"id,omitempty"`
	Letter  string `json:"letter,omitempty"`
	Members []who  `json:"members,omitempty"`
	More    int    `json:"more,omitempty"`
}

type who struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

type kept struct {
	ID uint64 `json:"id"`
	By string `json:"by"`
}

func (p *Page) serveNamespaces(w http.ResponseWriter, _ *http.Request) {
	if f := p.frame(w); f != nil {
		reply(w, http.StatusOK, sharingOf(f.snapshot))
	}
}

// sharingOf lists who shares what, by the types of namespaces.
func sharingOf(s *model.Snapshot) []sharing {
	out := make([]sharing, 0, event.NamespaceTypeCount)
	for _, t := range event.NamespaceTypes() {
		at := sharing{Type: t.String(), Sees: story.Isolates(t), Host: set{ID: s.Host.Namespaces[t]}}
		shared := map[uint64]int{}
		for i := range s.Containers {
			c := &s.Containers[i]
			if !c.Live() {
				continue
			}
			m, one := c.Namespaces[t], who{c.ID, foreign.Name(c.Label)}
			switch m.Relation {
			case model.RelationHost:
				at.Host.add(one)
			case model.RelationOwn:
				if len(at.Own) < maxMembers {
					at.Own = append(at.Own, one)
				} else {
					at.MoreOwn++
				}
			case model.RelationShared:
				n, known := shared[m.ID]
				if !known {
					n = len(at.Shared)
					shared[m.ID] = n
					at.Shared = append(at.Shared, set{ID: m.ID, Letter: story.GroupLetter(m.Group)})
				}
				at.Shared[n].add(one)
			}
		}
		for i := range s.Namespaces {
			n := &s.Namespaces[i]
			switch {
			case n.Type != t || n.Host || len(n.Containers) > 0:
			case len(n.PinnedBy) > 0 && len(n.Processes) == 0 && len(at.Kept) < maxKept:
				at.Kept = append(at.Kept, kept{n.ID, foreign.Prose(n.PinnedBy[0])})
			default:
				at.Others++
			}
		}
		out = append(out, at)
	}
	return out
}

func (s *set) add(one who) {
	if len(s.Members) == maxMembers {
		s.More++
		return
	}
	s.Members = append(s.Members, one)
}

// serveDiagram offers who shares what as a file.
func (p *Page) serveDiagram(write func(io.Writer, *model.Snapshot) error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if f := p.frame(w); f != nil {
			w.Header().Set("Content-Type", "application/octet-stream") // it is for other programs, and no browser runs it
			w.Header().Set("Content-Disposition", "attachment")
			_ = write(w, f.snapshot) // a client that has gone does not matter
		}
	}
}
