package pipeline

import (
	"context"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/nsfs"
)

// misses reports whether there is something to search for: what is known and not found. What was
// searched for in vain and is known to live on is searched for more and more seldom.
func (s *surveyor) misses(found sightings, known map[uint64]acquaintance) bool {
	for id, k := range known {
		if found[id] == nil && bits.OnesCount(uint(k.missed+1)) == 1 {
			return true
		}
	}
	return false
}

// recall looks again where an earlier search has found what is not found otherwise.
func (s *surveyor) recall(found sightings) {
	mounts := map[[2]int32]map[uint64]nsfs.Pin{}
	maps.DeleteFunc(s.pins, func(id uint64, pin nsfs.Pin) bool {
		if found[id] != nil {
			return true
		}
		if pin.Kind != nsfs.PinMount {
			if !s.p.fs.NS.Pinned(pin) {
				return true
			}
			s.add(found, pin)
			return false
		}
		// There may be many in one mount namespace.
		where := [2]int32{pin.PID, pin.TID}
		mounted, read := mounts[where]
		if !read {
			mounted = map[uint64]nsfs.Pin{}
			list, _ := s.p.fs.NS.MountPins(pin.PID, pin.TID, found.lacks)
			for _, p := range list {
				mounted[p.ID] = p
			}
			mounts[where] = mounted
		}
		if p, ok := mounted[id]; ok && p.Type == pin.Type {
			s.add(found, p)
			return false
		}
		return true
	})
}

// addUnentered adds PID namespaces that nothing has entered since they were unshared. Only the events
// of their births tell of them.
func (s *surveyor) addUnentered(found sightings, known map[uint64]acquaintance) {
	for id, k := range known {
		if k.typ != event.PID || k.unsharer == 0 || found[id] != nil || !s.p.fs.NS.AwaitsFirstChild(k.unsharer) {
			continue
		}
		n, _ := found.see(k.typ, id)
		n.PinnedBy = append(n.PinnedBy, s.reason(nsfs.Pin{Kind: nsfs.PinChildren, PID: k.unsharer}))
	}
}

// search looks for namespaces that nothing else shows, at everything else that can keep one: files and sockets
// that are open, threads, what children will be in, and mounts in each of the mount namespaces.
func (s *surveyor) search(ctx context.Context, pids []int32, found sightings) error {
	add := func(pins []nsfs.Pin) {
		for _, pin := range pins {
			if found[pin.ID] == nil {
				s.pins[pin.ID] = pin
				s.add(found, pin)
			}
		}
	}
	for _, pid := range pids {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if pid == s.own { // it opens namespaces to look at them, and keeps none
			continue
		}
		pins, err := s.p.fs.NS.Pins(pid, found.lacks)
		if err != nil {
			continue // gone, or not for us to know
		}
		add(pins)
	}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		n := found[id]
		if n.Type != event.Mnt {
			continue
		}
		if pin := s.pins[id]; len(n.Processes) == 0 && pin.Kind == nsfs.PinThread {
			pins, _ := s.p.fs.NS.MountPins(pin.PID, pin.TID, found.lacks)
			add(pins)
		}
		for _, pid := range n.Processes {
			if pins, err := s.p.fs.NS.MountPins(pid, 0, found.lacks); err == nil {
				add(pins)
				break
			}
		}
	}
	if !s.p.hostPIDs { // the kernel counts processes as the host does
		return nil
	}
	sockets, err := s.sockets()
	if err != nil {
		s.p.cfg.Log.Debug("net namespaces that only sockets keep are not found", "error", err)
	}
	for _, socket := range sockets {
		add([]nsfs.Pin{nsfs.SocketPin(socket.NetNamespace, socket.PID, socket.FD, socket.Inode)})
	}
	return nil
}

// add adds what is pinned, and the reason.
func (s *surveyor) add(found sightings, pin nsfs.Pin) {
	n, _ := found.see(pin.Type, pin.ID)
	n.PinnedBy = append(n.PinnedBy, s.reason(pin))
	s.relate(n, func(known func(uint64) bool) ([]nsfs.Relation, error) {
		return s.p.fs.NS.PinRelations(pin, known)
	})
}

// reason says in words what pins a namespace.
func (s *surveyor) reason(pin nsfs.Pin) string {
	comm, err := s.p.fs.Proc.Comm(pin.PID)
	if err != nil {
		comm = "?" // it goes just now
	}
	who := fmt.Sprintf("PID %d (%s)", pin.PID, comm)
	switch pin.Kind {
	case nsfs.PinThread:
		return "a thread of " + who
	case nsfs.PinChildren:
		return "the next child of " + who
	case nsfs.PinSocket:
		return "an open socket in " + who
	case nsfs.PinMount:
		return pin.Point + " in the mount namespace of " + who
	}
	return "an open file in " + who
}
