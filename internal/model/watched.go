package model

// Watched holds what a reader of cgroups needs of a live container.
type Watched struct {
	ID, Label, CgroupPath string
	Running               bool
	// Quiet is set for those of Snapshot.Quiet.
	Quiet bool
	// Outside is the host's PID of its PID 1 if that is outside of the container's own cgroup; else 0.
	Outside int32
}

// Watched lists the live containers whose cgroup is known. It costs far less than a snapshot.
func (m *Model) Watched() []Watched {
	list := make([]Watched, 0, len(m.live))
	for _, c := range m.live {
		if !c.live() || c.cgroup == "" {
			continue
		}
		w := Watched{ID: c.id, Label: c.label(), CgroupPath: c.cgroup, Running: c.state == Running, Quiet: c.quiet()}
		if c.unheld != nil {
			w.Outside = c.initPID
		}
		list = append(list, w)
	}
	return list
}

// WatchesWrites reports whether the kernel reports writes to the limits of cgroups.
func (m *Model) WatchesWrites() bool { return m.writesWatched }
