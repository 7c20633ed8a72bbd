package diagram

import (
	"fmt"
	"io"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
)

// WriteDOT writes, for Graphviz, which container is in which namespace that is not only its own, and the namespaces that
// live without a process.
func WriteDOT(out io.Writer, s *model.Snapshot) error {
	var b strings.Builder
	joined := map[uint64]bool{} // there are edges to it
	b.WriteString("graph namespaces {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n")
	for i := range s.Containers {
		c := &s.Containers[i]
		label := []string{foreign.Name(c.Label)}
		if own := ownTypes(c); own != "" {
			label = append(label, "its own: "+own)
		}
		fmt.Fprintf(&b, "  %s [shape=box,label=%s];\n", dotString("c "+c.ID), dotString(label...))
		for t, m := range c.Namespaces {
			if m.ID != 0 && m.Relation != model.RelationOwn {
				joined[m.ID] = true
				fmt.Fprintf(&b, "  %s -- %s;\n", dotString("c "+c.ID), dotString(fmt.Sprint(event.NamespaceType(t), " ", m.ID)))
			}
		}
	}
	for _, n := range s.Namespaces {
		label := []string{n.Type.String(), fmt.Sprint(n.ID)}
		style := ""
		switch {
		case n.Host && len(n.Containers) > 0:
			style = ",style=filled,fillcolor=lightgrey"
		case joined[n.ID]:
		case len(n.Processes) == 0 && !n.Host:
			style = ",style=dashed"
			if s.Unseen.Blind() {
				label = append(label, "processes unknown")
			}
			for _, pin := range n.PinnedBy {
				label = append(label, "kept by "+foreign.Prose(pin))
			}
		default:
			continue
		}
		fmt.Fprintf(&b, "  %s [shape=ellipse,label=%s%s];\n", dotString(fmt.Sprint(n.Type, " ", n.ID)), dotString(label...), style)
	}
	b.WriteString("}\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// ownTypes returns the types of which a container has one of its own.
func ownTypes(c *model.Container) string {
	var own []string
	for t, m := range c.Namespaces {
		if m.Relation == model.RelationOwn {
			own = append(own, event.NamespaceType(t).String())
		}
	}
	return strings.Join(own, ", ")
}

// dotString quotes lines for Graphviz, where only the quote and the backslash are special.
func dotString(lines ...string) string {
	for i, line := range lines {
		line = strings.ReplaceAll(foreign.Clean(line), `\`, `\\`)
		lines[i] = strings.ReplaceAll(line, `"`, `\"`)
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}
