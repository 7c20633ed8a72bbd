package model

import (
	"cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// VM is a virtual machine of the host.
type VM struct {
	fact.VM

	Container  string // the label of the container that it is in; "" is none
	Namespaces [event.NamespaceTypeCount]Membership
}

// Label returns the name on its command line, else its kind. Labels of VMs are not unique.
func (v *VM) Label() string { return cmp.Or(v.Name, string(v.Kind)) }

// InContainer returns the virtual machines in a container, by PID.
func (s *Snapshot) InContainer(c *Container) []*VM {
	var list []*VM
	for i := range s.VMs {
		if v := &s.VMs[i]; v.Container != "" && v.Container == c.Label && c.Live() {
			list = append(list, v)
		}
	}
	return list
}

// listVMs builds the VMs of a snapshot, after the containers.
func (m *Model) listVMs() []VM {
	if len(m.vms) == 0 {
		return nil
	}
	inside := map[uint64]int{} // how many VMs are in a namespace
	for i := range m.vms {
		for _, id := range m.vms[i].NamespaceIDs {
			inside[id]++
		}
	}
	list := make([]VM, len(m.vms))
	for i := range m.vms {
		v := &m.vms[i]
		list[i].VM = *v
		if c := m.containers[v.ContainerID]; c != nil {
			list[i].Container = c.label()
		} else if v.ContainerID != "" {
			list[i].Container = event.ShortID(v.ContainerID)
		}
		for t, id := range v.NamespaceIDs {
			if id != 0 {
				list[i].Namespaces[t] = m.sharing.membershipOfVM(t, id, inside[id] > 1)
			}
		}
	}
	return list
}

// membershipOfVM returns the place of a virtual machine in a namespace; otherVMs reports whether another VM is in it, too.
func (s *sharing) membershipOfVM(t int, id uint64, otherVMs bool) Membership {
	m := Membership{ID: id, SharedWith: s.membersOf(id)}
	switch {
	case s.host[t] == 0:
	case s.host[t] == id:
		m.Relation = RelationHost
	case m.SharedWith.Count() > 0:
		// A container alone in its namespace has no group, even if its own VM is in it.
		m.Relation, m.Group = RelationShared, s.groupNumber(id)
	case otherVMs:
		m.Relation = RelationShared
	default:
		m.Relation = RelationOwn
	}
	return m
}
