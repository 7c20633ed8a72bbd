package anatomy

import (
	"github.com/nsviz/nsviz/internal/enginefiles"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// joined sets MadeFor or Oldest of the namespaces that are not the host's. A pid namespace was made for the container whose PID 1
// is the namespace's own: when that process ends, so do all in it. The engine's files show for whom others were made. Oldest is
// the container in it that started first.
func (g *gatherer) joined() {
	for t, n := range g.Namespaces {
		if n.SharedWithHost == nil || *n.SharedWithHost {
			continue
		}
		inside := g.inside(t, n.ID)
		if t == event.PID {
			n.MadeFor = g.holderOf(inside)
		} else if id := g.engineFile(enginefiles.Points(t)); id != "" && (len(n.SharedWith) > 0 || id != g.Container.ID) {
			n.MadeFor = g.label(id)
		}
		if len(n.SharedWith) == 0 {
			if n.MadeFor == g.label(g.Container.ID) {
				n.MadeFor = "" // it is the container's own
			}
			continue
		}
		// The list is in the order of starts; several may have started in one tick of the clock.
		if n.MadeFor == "" && len(inside) > 1 && !inside[0].Started.IsZero() && inside[0].Started.Before(inside[1].Started) {
			n.Oldest = inside[0].Label
		}
	}
}

// inside returns the live containers in a namespace, the oldest first.
func (g *gatherer) inside(t event.NamespaceType, id uint64) (list []*model.Container) {
	for c := range g.snapshot.All() {
		if c.Live() && c.Namespaces[t].ID == id {
			list = append(list, c)
		}
	}
	return list
}

// holderOf returns the container whose PID 1 is also PID 1 of its pid namespace.
func (g *gatherer) holderOf(inside []*model.Container) string {
	for _, c := range inside {
		if c.InitPID == 0 {
			continue
		}
		status, err := g.host.Proc.Status(c.InitPID)
		if err == nil && len(status.NSPID) > 1 && status.NSPID[len(status.NSPID)-1] == 1 {
			return c.Label
		}
	}
	return ""
}

// engineFile returns the id of the container whose engine folder has the first of the mounts.
func (g *gatherer) engineFile(points []string) string {
	for _, point := range points {
		for i := range g.Mounts {
			m := &g.Mounts[i]
			if m.Path != point || m.Kind != KindEngine {
				continue
			}
			if id, _ := enginefiles.Owner(m.Source); id != "" {
				return id
			}
		}
	}
	return ""
}

// label returns the label of a container that may have ended.
func (g *gatherer) label(id string) string {
	for c := range g.snapshot.All() {
		if c.ID == id {
			return c.Label
		}
	}
	return event.ShortID(id)
}
