package story

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
)

// NamespaceAnswer is what `nsviz why TYPE:[ID] -o json` prints, described in docs/EVENTS.md.
type NamespaceAnswer struct {
	Type   event.NamespaceType `json:"type"`
	ID     uint64              `json:"id"`
	Owner  uint64              `json:"owner,omitempty"`
	Parent uint64              `json:"parent,omitempty"`
	// Host marks the host's own.
	Host     bool           `json:"host,omitempty"`
	Created  time.Time      `json:"created,omitzero"`
	Via      event.Via      `json:"via,omitempty"`
	Creator  *event.Process `json:"creator,omitempty"`
	Freed    time.Time      `json:"freed,omitzero"`
	FreedVia event.Via      `json:"freed_via,omitempty"`
	// Processes, Containers and PinnedBy are who is in it and what keeps it, now.
	Processes []int32 `json:"processes,omitempty"`
	// ProcessesIncomplete is set where nsviz may not see most of the host's processes.
	ProcessesIncomplete bool     `json:"processes_incomplete,omitempty"`
	Containers          []string `json:"containers,omitempty"`
	PinnedBy            []string `json:"pinned_by,omitempty"`
	// Earlier is how many namespaces of this type are known that had the number before.
	Earlier  int                `json:"earlier,omitempty"`
	Sentence string             `json:"sentence"`
	History  []isolation.Moment `json:"history"`
}

// NamespaceName is the name of a namespace: its type and its number.
type NamespaceName struct {
	Type event.NamespaceType
	ID   uint64
}

// String is the name as the links in /proc/PID/ns have it.
func (n NamespaceName) String() string { return fmt.Sprintf("%s:[%d]", n.Type, n.ID) }

// ParseNamespaceName reads net:[4026532184], as the links in /proc/PID/ns have it, or net:4026532184, for shells
// to which brackets mean something. It reports false for anything else; no container can be called so.
func ParseNamespaceName(name string) (NamespaceName, bool) {
	kind, number, found := strings.Cut(name, ":")
	if !found {
		return NamespaceName{}, false
	}
	if inside, ok := strings.CutPrefix(number, "["); ok {
		if number, found = strings.CutSuffix(inside, "]"); !found {
			return NamespaceName{}, false
		}
	}
	t, err := event.ParseNamespaceType(kind)
	id, notNumber := strconv.ParseUint(number, 10, 64)
	if err != nil || notNumber != nil || id == 0 {
		return NamespaceName{}, false
	}
	return NamespaceName{t, id}, true
}

// NoNamespaceError is that no namespace is called so.
type NoNamespaceError struct{ Name NamespaceName }

func (e *NoNamespaceError) Error() string {
	return fmt.Sprintf("nothing is known of a namespace %s", e.Name)
}

// WhyNamespace tells what became of a namespace: of several that had the number one after the other the live
// one, or the one that was freed last. It fails with NoNamespaceError.
func WhyNamespace(s *isolation.Snapshot, name NamespaceName) (NamespaceAnswer, error) {
	var found *isolation.Namespace
	earlier := 0
	for _, list := range [][]isolation.Namespace{s.Namespaces, s.Freed} {
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
		a.History = []isolation.Moment{}
	}
	a.Sentence = a.Text().String()
	return a, nil
}

// Text words the answer.
func (a *NamespaceAnswer) Text() Text {
	t := text(Number, NamespaceName{a.Type, a.ID}.String())
	switch {
	case a.Host:
		t = t.add(Plain, " is the ").add(Strong, "host's own").add(Plain, ".")
	case a.Creator != nil:
		t = t.add(Plain, " was made by ").join(doer(a.Creator, "")).add(Plain, byCall(a.Via)+" at ").at(a.Created, fullTime).add(Plain, ".")
	default:
		t = t.add(Plain, "'s birth was not seen.")
	}
	switch {
	case a.Freed.IsZero():
		who := []string{Count(uint64(len(a.Processes)), "process is", "processes are") + " known in it"}
		if len(a.Containers) > 0 {
			who = append(who, "of "+Listed(a.Containers))
		}
		if a.ProcessesIncomplete {
			who = append(who, "and there may be others, which nsviz may not see")
		}
		t = t.sentence(text(Plain, "It ").add(Strong, "lives").add(Plain, "; "+strings.Join(who, ", ")+"."))
		if len(a.PinnedBy) > 0 {
			t = t.sentence(text(Plain, "It is kept by "+Listed(a.PinnedBy)+"."))
		}
	case a.FreedVia == event.ViaKernel:
		t = t.sentence(text(Plain, "The kernel ").add(Strong, "freed").add(Plain, " it at ").at(a.Freed, fullTime).add(Plain, "."))
	default:
		t = t.sentence(text(Plain, "It is ").add(Strong, "gone").add(Plain, ": by ").at(a.Freed, fullTime).
			add(Plain, " it was not found any more, or its number was another's."))
	}
	if a.Owner != 0 {
		t = t.sentence(text(Plain, "Its owner is ").add(Number, NamespaceName{event.User, a.Owner}.String()).add(Plain, "."))
	}
	if a.Parent != 0 {
		t = t.sentence(text(Plain, "Its parent is ").add(Number, NamespaceName{a.Type, a.Parent}.String()).add(Plain, "."))
	}
	if a.Earlier > 0 {
		t = t.sentence(text(Plain, fmt.Sprintf("Before it, %s had the same number.", Count(uint64(a.Earlier), "other one", "other ones"))))
	}
	return t
}
