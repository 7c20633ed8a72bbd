package query

import (
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/story"
)

// Containers are the fields of a container.
var Containers = Fields[*isolation.Container]{
	{"name", func(c *isolation.Container) string { return c.Label }},
	{"id", func(c *isolation.Container) string { return c.ID }},
	{"image", func(c *isolation.Container) string { return c.Image }},
	{"runtime", func(c *isolation.Container) string { return c.Runtime }},
	{"command", func(c *isolation.Container) string { return c.InitComm }},
}

// VMs are the fields of a virtual machine. What it is called on screen is a field, too.
var VMs = Fields[*isolation.VM]{
	{"name", func(v *isolation.VM) string { return v.Name }},
	{"program", func(v *isolation.VM) string { return string(v.Kind) }},
	{"manager", func(v *isolation.VM) string { return v.Manager }},
	{"acceleration", func(v *isolation.VM) string { return string(v.Acceleration) }},
	{"container", func(v *isolation.VM) string { return v.Container }},
	{"kind", func(*isolation.VM) string { return "VM" }},
}

// Namespaces are the fields of a namespace. Several containers, and several places that keep it, have a blank between them.
var Namespaces = Fields[*isolation.Namespace]{
	{"type", func(n *isolation.Namespace) string { return n.Type.String() }},
	{"id", func(n *isolation.Namespace) string { return strconv.FormatUint(n.ID, 10) }},
	{"creator", func(n *isolation.Namespace) string {
		if n.Creator == nil {
			return ""
		}
		return n.Creator.Comm
	}},
	{"containers", func(n *isolation.Namespace) string { return strings.Join(n.Containers, " ") }},
	{"pinned_by", func(n *isolation.Namespace) string { return strings.Join(n.PinnedBy, " ") }},
}

// Kills are the fields of an OOM kill: whose victim it was, and which process.
var Kills = Fields[*isolation.Kill]{
	{"container", func(k *isolation.Kill) string { return story.VictimContainer(k).Label() }},
	{"command", story.VictimComm},
	{"pid", func(k *isolation.Kill) string { return strconv.Itoa(int(story.VictimPID(k))) }},
}

// Event is a row of a stream of events: one event, or several that are shown as one.
type Event struct {
	First *event.Event
	// Kind and Words are how the row is worded.
	Kind, Words string
}

// Events are the fields of a row of a stream of events.
var Events = Fields[Event]{
	{"kind", func(e Event) string { return e.Kind }},
	{"container", func(e Event) string { return e.First.Subject().Label() }},
	{"words", func(e Event) string { return e.Words }},
}
