package query

import (
	"strconv"

	"github.com/nsviz/nsviz/internal/model"
)

// Namespaces are the fields of a namespace.
var Namespaces = Fields[*model.Namespace]{
	text("type", "its type", func(n *model.Namespace) string { return n.Type.String() }).among(namespaceTypes()...).searched(),
	of(Number, "id", "its number", func(n *model.Namespace) Value { return numberValue(n.ID) }).searched(),
	of(Number, "owner", "the number of the user namespace that owns it", func(n *model.Namespace) Value { return unlessZero(n.Owner) }),
	of(Number, "parent", "the number of the parent of a pid or user namespace", func(n *model.Namespace) Value { return unlessZero(n.Parent) }),
	of(Bool, "host", "whether it is the host's own", func(n *model.Namespace) Value { return boolValue(n.Host) }),
	set("container", "the containers in it", func(n *model.Namespace) []string { return n.Containers }).contains().searched(),
	of(Number, "processes", "how many processes in it nsviz sees", func(n *model.Namespace) Value { return numberValue(len(n.Processes)) }),
	set("pid", "the host's numbers of these processes", func(n *model.Namespace) []string {
		pids := make([]string, len(n.Processes))
		for i, pid := range n.Processes {
			pids[i] = strconv.Itoa(int(pid))
		}
		return pids
	}),
	of(Bool, "pinned", "whether something else than processes keeps it", func(n *model.Namespace) Value { return boolValue(len(n.PinnedBy) > 0) }),
	set("pinned_by", "what that is, such as the path of a bind mount", func(n *model.Namespace) []string { return n.PinnedBy }).contains().searched(),
	text("creator", "what the process that made it calls itself", func(n *model.Namespace) string {
		if n.Creator == nil {
			return ""
		}
		return n.Creator.Comm
	}).contains().searched(),
	of(Time, "created", "when it was made, if nsviz saw it", func(n *model.Namespace) Value { return timeValue(n.Created) }),
}
