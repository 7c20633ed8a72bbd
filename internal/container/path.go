package container

import (
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
)

// Ref names a container as its cgroup's path tells it.
type Ref struct {
	// Runtime is the name of the runtime; runtime.Unknown where the path tells only that a container engine made it.
	Runtime string
	ID      string
	// Root is the path of the cgroup that the container's processes were put into.
	Root string
	// Inner is the container further down the path: one that runs inside this one.
	Inner *Ref
}

func (r *Ref) innermost() *Ref {
	for r.Inner != nil {
		r = r.Inner
	}
	return r
}

// Parser recognises containers in cgroup paths.
type Parser struct{ runtimes []runtime.Runtime }

// NewParser makes a parser that knows the cgroups of all runtimes in the table.
func NewParser() *Parser { return &Parser{runtimes: runtime.All()} }

// Parse finds the container that a cgroup belongs to: the outermost one in its path. Reports false
// where there is none.
func (p *Parser) Parse(path string) (Ref, bool) {
	components := strings.Split(strings.Trim(path, "/"), "/")
	var found *Ref
	last := &found
	for i, c := range components {
		parent := ""
		if i > 0 {
			parent = components[i-1]
		}
		if ref, ok := p.component(parent, c); ok {
			ref.Root = "/" + strings.Join(components[:i+1], "/")
			*last = &ref
			last = &ref.Inner
		}
	}
	if found == nil {
		return Ref{}, false
	}
	return *found, true
}

func (p *Parser) component(parent, name string) (Ref, bool) {
	for i := range p.runtimes {
		for j := range p.runtimes[i].Cgroups {
			c := &p.runtimes[i].Cgroups[j]
			if c.Parent != "" && c.Parent != parent {
				continue
			}
			if id, ok := c.ID(name); ok {
				return Ref{Runtime: p.runtimes[i].Name, ID: id}, true
			}
		}
	}
	return Ref{}, false
}
