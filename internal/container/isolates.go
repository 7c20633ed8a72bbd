package container

import (
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// IsolatedID returns the id of what is recognised by a namespace.
func IsolatedID(typ event.NamespaceType, id uint64) string { return fmt.Sprintf("%s-%d", typ, id) }

// Isolates returns what a new namespace of the host isolates if the command line of the process that has made it describes that; it has no
// name yet. nil is nothing.
func Isolates(e *event.Event) *event.Container {
	n := e.Namespace
	if e.Container != nil || n.Type != event.PID && n.Type != event.User {
		return nil
	}
	r, ok := runtime.Describes(e.Comm)
	if !ok {
		return nil
	}
	return &event.Container{ID: IsolatedID(n.Type, n.ID), Runtime: r.Name}
}

// Named returns what was recognised by its namespaces, under the name that the directory has for it. What users' own engines say does not
// count: they know nothing of namespaces.
func (t *Tracker) Named(c event.Container) event.Container {
	namespace, _, _ := strings.Cut(c.ID, "@")
	if t.sandboxes.given[namespace] == 0 { // it is no id of a namespace
		return c
	}
	if identity, ok := t.directory.Get(namespace); ok && identity.User == 0 {
		c.Name = identity.Name
		if identity.Runtime != "" {
			c.Runtime = identity.Runtime
		}
		if c.Kind == event.KindSandbox && len(runtime.Lookup(c.Runtime).Processes.Creator) > 0 { // found without its creation
			c.Kind = event.KindContainer
		}
	}
	return c
}

// CurrentID returns the id of what is recognised by a namespace now, by the id of the namespace; other ids stay as they are.
func (t *Tracker) CurrentID(id string) string {
	if t.sandboxes.given[id] > 1 {
		for _, c := range t.sandboxes.byNamespace.all {
			if strings.HasPrefix(c.container.ID, id+"@") {
				return c.container.ID
			}
		}
	}
	return id
}
