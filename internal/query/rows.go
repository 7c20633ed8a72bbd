package query

import (
	"cmp"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Containers are the fields of a container of the dashboard.
var Containers = Fields[*model.Container]{
	text("name", "its name, or its short id without one", func(c *model.Container) string { return c.Label }).contains().searched(),
	text("id", "its id", func(c *model.Container) string { return c.ID }).begins().searched(),
	known("former_names", "what it was called before", func(c *model.Container) string {
		var names []string
		for _, former := range c.FormerNames {
			names = append(names, former.Name)
		}
		return strings.Join(names, " ")
	}).contains().searched(),
	text("image", "its image", func(c *model.Container) string { return c.Image }).contains().searched(),
	text("runtime", "what runs it", func(c *model.Container) string { return c.Runtime }).searched(),
	text("command", "what its first process calls itself", func(c *model.Container) string { return c.InitComm }).contains().searched(),
	known("group", "its pod, as NAMESPACE/POD, its compose project, or its program", func(c *model.Container) string { return c.Group.Path() }).contains().searched(),
	known("member", "what it is called in its group, as GROUP/MEMBER", func(c *model.Container) string { return c.Group.MemberPath() }).contains().searched(),
	known("pod", "its pod", func(c *model.Container) string { return groupName(c.Group, event.GroupPod) }).contains().searched(),
	known("project", "its compose project", func(c *model.Container) string { return groupName(c.Group, event.GroupCompose) }).contains().searched(),
	known("namespace", "the Kubernetes namespace of its pod", func(c *model.Container) string { return groupNamespace(c.Group) }).searched(),
}

// groupName returns the name of a group of a kind.
func groupName(g *event.Group, kind event.GroupKind) string {
	if g == nil || g.Kind != kind {
		return ""
	}
	return g.Name
}

// groupNamespace returns the Kubernetes namespace of a group.
func groupNamespace(g *event.Group) string {
	if g == nil {
		return ""
	}
	return g.Namespace
}

// VMs are the fields of a virtual machine of the dashboard. What it is called on screen is a field, too.
var VMs = Fields[*model.VM]{
	text("name", "its name", func(v *model.VM) string { return v.Name }).contains().searched(),
	text("program", "what runs it", func(v *model.VM) string { return string(v.Kind) }).searched(),
	text("manager", "what manages it", func(v *model.VM) string { return v.Manager }).searched(),
	text("acceleration", "what executes its code", func(v *model.VM) string { return string(v.Acceleration) }).searched(),
	text("container", "the container that it runs in", func(v *model.VM) string { return v.Container }).contains().searched(),
	text("kind", "VM", func(*model.VM) string { return "VM" }).searched(),
}

// Kills are the fields of an OOM kill: whose victim it was, and which process.
var Kills = Fields[*model.Kill]{
	text("container", "the victim's container", func(k *model.Kill) string { return story.VictimContainer(k).Label() }).contains().searched(),
	text("group", "its pod or compose project, with what it is called there: GROUP/MEMBER", func(k *model.Kill) string {
		return memberOf(story.VictimContainer(k))
	}).contains().searched(),
	text("command", "what the victim calls itself", story.VictimComm).contains().searched(),
	of(Number, "pid", "the victim", func(k *model.Kill) Value { return numberValue(story.VictimPID(k)) }).searched(),
}

// memberOf returns the group of a container, with what it is called there if that is known.
func memberOf(c *event.Container) string {
	if c == nil {
		return ""
	}
	return cmp.Or(c.Group.MemberPath(), c.Group.Path())
}
