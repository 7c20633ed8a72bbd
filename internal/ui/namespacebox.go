package ui

import (
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// placeOf returns a sentence about the owners of the namespaces that something is in, and about those it shares them with.
func placeOf(namespaces [event.NamespaceTypeCount]model.Membership, it, others string) line {
	var own, host, shared, unknown []string
	for _, t := range event.NamespaceTypes() {
		switch namespaces[t].Relation {
		case model.RelationOwn:
			own = append(own, t.String())
		case model.RelationHost:
			host = append(host, t.String())
		case model.RelationShared:
			shared = append(shared, t.String())
		default:
			unknown = append(unknown, t.String())
		}
	}
	if len(unknown) == event.NamespaceTypeCount {
		return text(Plain, "Its namespaces are not known yet.")
	}
	var says []string
	if len(own) > 0 {
		says = append(says, "has "+story.Listed(own)+" to itself")
	}
	if len(shared) > 0 {
		says = append(says, "shares "+story.Listed(shared)+" with "+others)
	}
	if len(host) > 0 {
		says = append(says, "uses the host's "+story.Listed(host))
	}
	l := text(Plain, it+" "+story.Listed(says))
	if len(unknown) > 0 {
		l = l.add(Plain, "; of "+story.Listed(unknown)+" nothing is known")
	}
	return l.add(Plain, ".")
}

// membershipLines returns a line for each type of namespace: whose it is, and what it isolates.
func membershipLines(namespaces [event.NamespaceTypeCount]model.Membership, w int) []line {
	lines := make([]line, 0, event.NamespaceTypeCount)
	words := 0
	for _, t := range event.NamespaceTypes() {
		words = max(words, membershipWords(namespaces[t], t, Plain).width())
	}
	for _, t := range event.NamespaceTypes() {
		m := namespaces[t]
		sign, style := membershipSign(m, t)
		l := text(style, sign).space(1).join(text(Strong, t.String()).fit(7), idText(m.ID).fit(12))
		l = l.join(membershipWords(m, t, style).fit(min(words, max(w-46, 13)))).space(2)
		lines = append(lines, l.add(Dim, story.Isolates(t)))
	}
	return lines
}

// membershipWords returns the meaning of the table's symbol in words.
func membershipWords(m model.Membership, t event.NamespaceType, style Style) line {
	if m.Abandoned != nil {
		return text(style, "dead: "+m.Abandoned.By+" has left it")
	}
	switch m.Relation {
	case model.RelationOwn:
		return text(style, "its own")
	case model.RelationHost:
		if story.IsolatedByDefault(t) {
			return text(style, "the host's!")
		}
		return text(style, "the host's")
	case model.RelationShared:
		return text(style, "with "+story.Listed(m.SharedWith.Labels()))
	}
	return text(style, "unknown")
}
