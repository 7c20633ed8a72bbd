package story

import (
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// NamespaceName is the name of a namespace: its type and its number.
type NamespaceName struct {
	Type event.NamespaceType
	ID   uint64
}

// String returns the name as the links in /proc/PID/ns have it.
func (n NamespaceName) String() string { return fmt.Sprintf("%s:[%d]", n.Type, n.ID) }

// Namespace describes a namespace and its end. earlier is how many namespaces are known that had its number before.
// incomplete is set if nsviz may not see most of the host's processes.
func Namespace(n *model.Namespace, earlier int, incomplete bool) Text {
	t := text(Number, NamespaceName{n.Type, n.ID}.String())
	switch {
	case n.Host:
		t = t.add(Plain, " is the ").add(Strong, "host's own").add(Plain, ".")
	case n.Creator != nil:
		t = t.add(Plain, " was made by ").join(actor(n.Creator, "")).add(Plain, byCall(n.Via)+" at ").at(n.Created, fullTime).add(Plain, ".")
	default:
		t = t.add(Plain, "'s creation was not seen.")
	}
	switch {
	case n.Freed.IsZero():
		who := []string{Count(uint64(len(n.Processes)), "process is", "processes are") + " known in it"}
		if len(n.Containers) > 0 {
			who = append(who, "of "+Listed(n.Containers))
		}
		if incomplete {
			who = append(who, "and there may be others, which nsviz may not see")
		}
		t = t.sentence(text(Plain, "It ").add(Strong, "lives").add(Plain, "; "+strings.Join(who, ", ")+"."))
		if len(n.PinnedBy) > 0 {
			t = t.sentence(text(Plain, "It is kept by "+Listed(n.PinnedBy)+"."))
		}
	case n.FreedVia == event.ViaKernel:
		t = t.sentence(text(Plain, "The kernel ").add(Strong, "freed").add(Plain, " it at ").at(n.Freed, fullTime).add(Plain, "."))
	default:
		t = t.sentence(text(Plain, "It is ").add(Strong, "gone").add(Plain, ": by ").at(n.Freed, fullTime).
			add(Plain, " it was no longer found, or another one had its number."))
	}
	if n.Owner != 0 {
		t = t.sentence(text(Plain, "Its owner is ").add(Number, NamespaceName{event.User, n.Owner}.String()).add(Plain, "."))
	}
	if n.Parent != 0 {
		t = t.sentence(text(Plain, "Its parent is ").add(Number, NamespaceName{n.Type, n.Parent}.String()).add(Plain, "."))
	}
	if earlier > 0 {
		t = t.sentence(text(Plain, fmt.Sprintf("Before it, %s had the same number.", Count(uint64(earlier), "other one", "other ones"))))
	}
	return t
}
