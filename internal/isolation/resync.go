package isolation

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// applyPresent ends what does not exist any more, whose end is among the missing facts, and takes over the limits of the
// cgroups that exist.
func (m *Model) applyPresent(at time.Time, p *Present) {
	m.listed = nil
	live := map[string]PresentContainer{}
	for _, c := range p.Containers {
		live[c.ID] = c
	}
	// In an order that does not depend on maps.
	for _, id := range slices.Sorted(maps.Keys(m.containers)) {
		c := m.containers[id]
		now, isThere := live[id]
		isAgain := c.initPID != 0 && (now.InitPID != c.initPID || !now.Started.Equal(c.started))
		if c.live() && (!isThere || isAgain) {
			m.end(c, at, nil)
		}
	}
	namespaces := map[uint64]bool{}
	for _, id := range p.Namespaces {
		namespaces[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(m.namespaces)) {
		if !namespaces[id] {
			m.bury(m.namespaces[id], at, event.ViaReconcile)
			m.removeNamespace(id)
		}
	}
	cgroups := map[string]bool{}
	for i := range p.Cgroups {
		cgroups[p.Cgroups[i].Path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(m.cgroups)) {
		if !cgroups[path] {
			m.buryCgroup(m.cgroups[path], at, nil)
		}
	}
	for i := range p.Cgroups {
		f := &p.Cgroups[i]
		g, isNew := m.cgroups[f.Path], false
		if g == nil {
			g, isNew = m.cgroupAt(f.Path), true
		}
		if g == nil {
			continue
		}
		if isNew {
			g.container, g.limits = f.Container, limits{}
			g.tell(Moment{Time: at, Kind: MomentFound})
		}
		first, changed := g.limits.take(at, f.Limits)
		if first != nil {
			g.tell(Moment{Time: at, Kind: MomentLimits, Limits: first})
		}
		g.chronicle.tellChange(Moment{Time: at, Kind: MomentChanged, Limits: changed}, cgroupExtent)
		if f.Limits != nil {
			g.limits.known = *f.Limits // what is unknown of it, too
		}
	}
}

// Resync returns facts that bring a model that missed some to the state of a full snapshot: what exists and what does not.
// They do not say what happened meanwhile.
func (s *Snapshot) Resync() []Fact {
	present := &Present{Containers: []PresentContainer{}, Namespaces: []uint64{}, Cgroups: []FoundCgroup{}}
	list := []Fact{{Host: &s.Host}, {Probes: s.Probes}}
	for i := range s.Engines {
		list = append(list, Fact{Engine: &s.Engines[i]})
	}
	list = append(list, Fact{Present: present})
	for i := range s.Namespaces {
		present.Namespaces = append(present.Namespaces, s.Namespaces[i].ID)
	}
	for i := range s.Cgroups {
		if g := &s.Cgroups[i]; g.Removed.IsZero() {
			present.Cgroups = append(present.Cgroups, FoundCgroup{Path: g.Path, Container: g.Container, Limits: &g.Limits})
		}
	}
	for i := range s.Containers {
		c := &s.Containers[i]
		if !c.Live() {
			continue
		}
		present.Containers = append(present.Containers, PresentContainer{ID: c.ID, InitPID: c.InitPID, Started: c.Started})
		found := &Found{
			Container:  event.Container{ID: c.ID, Image: c.Image, Runtime: c.Runtime},
			CgroupPath: c.CgroupPath, InitPID: c.InitPID, InitComm: c.InitComm, Started: c.Started, OOMKills: c.OOMKills,
			Starting: c.State == Starting, Unheld: c.Unheld,
		}
		if c.Named {
			found.Container.Name = strings.TrimSuffix(c.Label, " ("+event.ShortID(c.ID)+")")
		}
		for t := range c.Namespaces {
			found.Namespaces[t] = c.Namespaces[t].ID
		}
		list = append(list, Fact{Found: found})
	}
	for i := range list {
		list[i].Time = s.Time
	}
	return list
}

// Size returns roughly how many bytes of memory a fact takes.
func (f *Fact) Size() int {
	const base, perContainer = 1 << 10, 200
	size := base + len(f.Memory)*perContainer + len(f.Cgroups)*2*perContainer
	if s := f.Namespaces; s != nil {
		size += len(s.VMs) * 2 * perContainer
		for i := range s.Namespaces {
			size += 100 + 4*len(s.Namespaces[i].Processes)
			for _, pin := range s.Namespaces[i].PinnedBy {
				size += 16 + len(pin)
			}
		}
	}
	if p := f.Present; p != nil {
		size += 100*len(p.Containers) + 8*len(p.Namespaces) + 2*perContainer*len(p.Cgroups)
	}
	return size
}
