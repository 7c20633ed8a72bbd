package diagram

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
)

// mermaidNames limits the containers of a group that are named.
const mermaidNames = 12

// sharers are containers that share the same namespaces with the same others.
type sharers struct {
	labels []string
	host   []string // the types that are the host's
	shared []int    // by their order of appearance, from 1
}

// WriteMermaid writes who shares what as a Mermaid flowchart. Live containers that share the same namespaces with the same
// others are one node, so that thirty fully isolated ones are as readable as one.
func WriteMermaid(out io.Writer, s *model.Snapshot) error {
	var groups []*sharers
	byKey := map[string]*sharers{}
	var namespaces []string // the labels of the shared ones
	numbers := map[string]int{}
	for i := range s.Containers {
		c := &s.Containers[i]
		if !c.Live() {
			continue
		}
		var host []string
		var shared []int
		for t, m := range c.Namespaces {
			switch kind := event.NamespaceType(t); m.Relation {
			case model.RelationHost:
				host = append(host, kind.String())
			case model.RelationShared:
				label := fmt.Sprint(kind, " ", m.ID)
				if numbers[label] == 0 {
					namespaces = append(namespaces, label)
					numbers[label] = len(namespaces)
				}
				shared = append(shared, numbers[label])
			}
		}
		key := fmt.Sprint(host, shared)
		if byKey[key] == nil {
			byKey[key] = &sharers{host: host, shared: shared}
			groups = append(groups, byKey[key])
		}
		byKey[key].labels = append(byKey[key].labels, c.Label)
	}

	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for i, g := range groups {
		fmt.Fprintf(&b, "  c%d[%s]\n", i+1, mermaidString(g.lines()...))
	}
	for i, label := range namespaces {
		fmt.Fprintf(&b, "  n%d([%s])\n", i+1, mermaidString(label))
	}
	hosted := false
	for i, g := range groups {
		for _, n := range g.shared {
			fmt.Fprintf(&b, "  c%d --- n%d\n", i+1, n)
		}
		if len(g.host) > 0 {
			if !hosted {
				b.WriteString("  host{{\"the host\"}}\n")
				hosted = true
			}
			fmt.Fprintf(&b, "  c%d -- %s --- host\n", i+1, mermaidString(strings.Join(g.host, ", ")))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// lines returns the names of a group's containers.
func (g *sharers) lines() []string {
	lines := g.labels
	if len(lines) > 1 {
		lines = append([]string{fmt.Sprintf("%d containers:", len(g.labels))}, lines...)
	}
	if more := len(g.labels) - mermaidNames; more > 0 {
		lines = append(lines[:1+mermaidNames:1+mermaidNames], fmt.Sprintf("and %d more", more))
	}
	if len(g.host) == 0 && len(g.shared) == 0 {
		lines = append(lines[:len(lines):len(lines)], "(no namespace is known to be shared)")
	}
	return lines
}

// mermaidEscapes escape what has a meaning in a label in quotes: Markdown, HTML, formulas ($$), icons (fa:fa-user), line
// breaks (\n), text that looks like a statement (style x:#), and directives, which change the complete picture (%%{init: …}%%).
var mermaidEscapes = strings.NewReplacer(`"`, "#quot;", "#", "#35;", "&", "#38;", "<", "#60;", ">", "#62;", "`", "#96;",
	"$", "#36;", ":", "#58;", `\`, "#92;", "%", "#37;", "{", "#123;", "}", "#125;")

// mermaidString quotes lines for Mermaid.
func mermaidString(lines ...string) string {
	escaped := make([]string, len(lines))
	for i, line := range lines {
		escaped[i] = mermaidEscapes.Replace(cmp.Or(foreign.Name(line), "?")) // an empty label is no label
	}
	return `"` + strings.Join(escaped, "<br/>") + `"`
}
