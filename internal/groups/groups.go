package groups

import (
	"fmt"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Group is a group with its members, or a single container that is in none.
type Group struct {
	// Of is the group, without a member; nil is none.
	Of *event.Group
	// Members are in the order in which they were listed, the sandbox of a pod last.
	Members []*model.Container
}

// key is what the members of a group have in common.
type key struct {
	kind            event.GroupKind
	namespace, name string
}

// Arrange puts the members of each group together, where the first of them is in a list.
func Arrange(list []*model.Container) []Group {
	all := Of(list)
	arranged := make([]Group, 0, len(list))
	for i, c := range list {
		if c.Group == nil {
			arranged = append(arranged, Group{Members: list[i : i+1 : i+1]})
		} else if g := all.At(i); g != nil {
			arranged = append(arranged, *g)
		}
	}
	return arranged
}

// Groups are the groups that containers of a list are members of.
type Groups struct {
	first map[int]*Group // by the index of the first member
}

// Of returns the groups of the containers in a list.
func Of(list []*model.Container) Groups {
	var first map[int]*Group
	var at map[key]*Group
	for i, c := range list {
		if c.Group == nil {
			continue
		}
		if first == nil {
			first, at = map[int]*Group{}, map[key]*Group{}
		}
		k := key{c.Group.Kind, c.Group.Namespace, c.Group.Name}
		g := at[k]
		if g == nil {
			g = &Group{Of: &event.Group{Kind: k.kind, Namespace: k.namespace, Name: k.name}}
			at[k], first[i] = g, g
		}
		g.Members = append(g.Members, c)
	}
	for _, g := range first {
		slices.SortStableFunc(g.Members, func(a, b *model.Container) int { return rank(a) - rank(b) })
	}
	return Groups{first}
}

// At returns the group whose first member is at a place of the list; nil is none.
func (g Groups) At(i int) *Group { return g.first[i] }

// rank orders the members of a group: a sandbox is only what the others share.
func rank(c *model.Container) int {
	if c.IsSandbox() {
		return 1
	}
	return 0
}

// Title returns the heading of the group, as in "shop/cart-7d9f · pod".
func (g *Group) Title() string { return g.Of.Path() + " · " + string(g.Of.Kind) }

// Key identifies the group among all others.
func (g *Group) Key() string { return fmt.Sprintf("%s:%q/%q", g.Of.Kind, g.Of.Namespace, g.Of.Name) }

// MemberName returns what a member is called below the heading: its name in the group unless another one there has the same.
func (g *Group) MemberName(c *model.Container) string {
	if c.IsSandbox() {
		return "infra"
	}
	if c.Group.Member == "" {
		return c.Label
	}
	for _, other := range g.Members {
		if other != c && other.Live() == c.Live() && other.Group.Member == c.Group.Member {
			return c.Label
		}
	}
	return c.Group.Member
}

// Sum is a sum over the members of a group. AtLeast is set if it is unknown for some of them; Known, if it is known for any.
type Sum struct {
	N              uint64
	Known, AtLeast bool
}

func (s *Sum) add(n *uint64) {
	if n == nil {
		s.AtLeast = true
		return
	}
	s.N += *n
	s.Known = true
}

// Count returns how many of the members live and how many have ended, the sandbox left out unless there is nothing else.
func (g *Group) Count() (live, ended int) {
	for _, c := range g.Members {
		switch {
		case c.IsSandbox() && rank(g.Members[0]) == 0:
		case c.Live():
			live++
		default:
			ended++
		}
	}
	return live, ended
}

// Memory returns how much memory the live members use, in bytes.
func (g *Group) Memory() Sum {
	var s Sum
	for _, c := range g.Members {
		if c.Live() {
			s.add(c.Memory.UsageBytes)
		}
	}
	return s
}

// Processes returns how many processes the live members have.
func (g *Group) Processes() Sum {
	var s Sum
	for _, c := range g.Members {
		switch {
		case !c.Live():
		case c.Processes == nil:
			s.add(nil)
		default:
			s.add(new(uint64(*c.Processes)))
		}
	}
	return s
}

// Kills returns how many OOM kills there were in the members since they started.
func (g *Group) Kills() Sum {
	var s Sum
	for _, c := range g.Members {
		s.add(c.OOMKills)
		if c.OOMKills == nil && c.OOMKillsAtLeast > 0 {
			s.add(&c.OOMKillsAtLeast)
		}
	}
	return s
}
