package story

import "github.com/nsviz/nsviz/internal/event"

// Membership returns what a container is in its group, as in "app of the pod shop/cart-7d9f"; "" is no group.
func Membership(c event.Container) string {
	g := c.Group
	if g == nil {
		return ""
	}
	of := "the " + groupWord(g.Kind) + " " + g.Path()
	switch {
	case c.Kind == event.KindPod:
		return "the infra container of " + of
	case g.Member == "":
		return "in " + of
	}
	return g.Member + " of " + of
}

// MembersOf returns how many of the members of a group of a kind there are, in words.
func MembersOf(kind event.GroupKind, n uint64) string {
	if kind == event.GroupProgram {
		return Count(n, "sandbox", "sandboxes")
	}
	return Count(n, "container", "containers")
}

// groupWord returns what a group of a kind is called.
func groupWord(kind event.GroupKind) string {
	if kind == event.GroupCompose {
		return "compose project"
	}
	return string(kind)
}
