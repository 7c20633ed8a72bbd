package query

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Containers are the fields of a container.
var Containers = Fields[*model.Container]{
	{"name", func(c *model.Container) string { return c.Label }},
	{"id", func(c *model.Container) string { return c.ID }},
	{"former_names", func(c *model.Container) string {
		var names []string
		for _, former := range c.FormerNames {
			names = append(names, former.Name)
		}
		return strings.Join(names, " ")
	}},
	{"image", func(c *model.Container) string { return c.Image }},
	{"runtime", func(c *model.Container) string { return c.Runtime }},
	{"command", func(c *model.Container) string { return c.InitComm }},
	{"group", func(c *model.Container) string { return c.Group.Path() }},
	{"member", func(c *model.Container) string { return c.Group.MemberPath() }},
	{"pod", func(c *model.Container) string { return groupName(c.Group, event.GroupPod) }},
	{"project", func(c *model.Container) string { return groupName(c.Group, event.GroupCompose) }},
	{"namespace", func(c *model.Container) string {
		if c.Group == nil {
			return ""
		}
		return c.Group.Namespace
	}},
}

// groupName returns the name of a group of a kind.
func groupName(g *event.Group, kind event.GroupKind) string {
	if g == nil || g.Kind != kind {
		return ""
	}
	return g.Name
}

// VMs are the fields of a virtual machine. What it is called on screen is a field, too.
var VMs = Fields[*model.VM]{
	{"name", func(v *model.VM) string { return v.Name }},
	{"program", func(v *model.VM) string { return string(v.Kind) }},
	{"manager", func(v *model.VM) string { return v.Manager }},
	{"acceleration", func(v *model.VM) string { return string(v.Acceleration) }},
	{"container", func(v *model.VM) string { return v.Container }},
	{"kind", func(*model.VM) string { return "VM" }},
}

// Namespaces are the fields of a namespace. Several containers, and several places that keep it, have a blank between them.
var Namespaces = Fields[*model.Namespace]{
	{"type", func(n *model.Namespace) string { return n.Type.String() }},
	{"id", func(n *model.Namespace) string { return strconv.FormatUint(n.ID, 10) }},
	{"creator", func(n *model.Namespace) string {
		if n.Creator == nil {
			return ""
		}
		return n.Creator.Comm
	}},
	{"containers", func(n *model.Namespace) string { return strings.Join(n.Containers, " ") }},
	{"pinned_by", func(n *model.Namespace) string { return strings.Join(n.PinnedBy, " ") }},
}

// Kills are the fields of an OOM kill: whose victim it was, and which process.
var Kills = Fields[*model.Kill]{
	{"container", func(k *model.Kill) string { return story.VictimContainer(k).Label() }},
	{"group", func(k *model.Kill) string { return memberOf(story.VictimContainer(k)) }},
	{"command", story.VictimComm},
	{"pid", func(k *model.Kill) string { return strconv.Itoa(int(story.VictimPID(k))) }},
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
	{"group", func(e Event) string { return memberOf(e.First.Subject()) }},
	{"words", func(e Event) string { return e.Words }},
}

// memberOf returns the group of a container, with what it is called there if that is known.
func memberOf(c *event.Container) string {
	if c == nil {
		return ""
	}
	return cmp.Or(c.Group.MemberPath(), c.Group.Path())
}
