package model

import "github.com/nsviz/nsviz/internal/event"

// Watched holds what a reader of cgroups needs of a live container.
type Watched struct {
	ID, Label, CgroupPath string
	// Running is set while its own program runs, Starting before that.
	Running, Starting bool
	// Quiet is set for those of Snapshot.Quiet.
	Quiet bool
	// Outside is the host's PID of its PID 1 if that is outside of the container's own cgroup; else 0.
	Outside int32
	// InitPID is the host's PID of its PID 1; 0 is unknown. OwnNet is set if its net namespace is known to be its own.
	InitPID int32
	OwnNet  bool
}

// Watched lists the live containers whose cgroup is known. It costs far less than a snapshot.
func (m *Model) Watched() []Watched {
	list := make([]Watched, 0, len(m.live))
	for _, c := range m.live {
		if !c.live() || c.cgroup == "" {
			continue
		}
		w := Watched{ID: c.id, Label: c.label(), CgroupPath: c.cgroup, Running: c.state == Running, Starting: c.state == Starting, Quiet: c.quiet(), InitPID: c.initPID, OwnNet: m.hasOwnNet(c)}
		if c.unheld != nil {
			w.Outside = c.initPID
		}
		list = append(list, w)
	}
	return list
}

// WatchesWrites reports whether the kernel reports writes to the limits of cgroups.
func (m *Model) WatchesWrites() bool { return m.writesWatched }

// hasOwnNet reports whether no other container and not the host is in a container's net namespace.
func (m *Model) hasOwnNet(c *container) bool {
	id, host := c.namespaces[event.Net], m.host.Namespaces[event.Net]
	return id != 0 && host != 0 && id != host && c.isWithin(id) && !c.rosterOf(id).hasOther(c)
}
