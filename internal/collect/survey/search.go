package survey

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
func (s *survey) misses() bool {
	for id, k := range s.Known {
		if s.found[id] == nil && bits.OnesCount(uint(k.Missed+1)) == 1 {
			return true
		}
	}
	return false
}

// checkPins looks again where an earlier search has found what is not found otherwise.
func (s *survey) checkPins() {
	mounts := map[[2]int32]map[uint64]nsfs.Pin{}
	maps.DeleteFunc(s.pins, func(id uint64, pin nsfs.Pin) bool {
		if s.found[id] != nil {
			return true
		}
		if pin.Kind != nsfs.PinMount {
			if !s.NS.Pinned(pin) {
				return true
			}
			s.add(pin)
			return false
		}
		// There may be many in one mount namespace.
		where := [2]int32{pin.PID, pin.TID}
		mounted, read := mounts[where]
		if !read {
			mounted = map[uint64]nsfs.Pin{}
			list, _ := s.NS.MountPins(pin.PID, pin.TID, s.lacks)
			for _, p := range list {
				mounted[p.ID] = p
			}
			mounts[where] = mounted
		}
		if p, ok := mounted[id]; ok && p.Type == pin.Type {
			s.add(p)
			return false
		}
		return true
	})
}

// addUnentered adds PID namespaces that nothing has entered since they were unshared. Only the events
// of their creation report them.
func (s *survey) addUnentered() {
	for id, k := range s.Known {
		if k.Type != event.PID || k.Unsharer == 0 || s.found[id] != nil || !s.NS.AwaitsFirstChild(k.Unsharer) {
			continue
		}
		n, _ := s.namespace(k.Type, id)
		n.PinnedBy = append(n.PinnedBy, s.reason(nsfs.Pin{Kind: nsfs.PinChildren, PID: k.Unsharer}))
	}
}

// search looks for namespaces that nothing else shows, at everything else that can keep one: files and sockets
// that are open, threads, what children will be in, and mounts in each of the mount namespaces.
func (s *survey) search(ctx context.Context, pids []int32) error {
	add := func(pins []nsfs.Pin) {
		for _, pin := range pins {
			if s.found[pin.ID] == nil {
				s.pins[pin.ID] = pin
				s.add(pin)
			}
		}
	}
	for _, pid := range pids {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if pid == s.Self { // it opens namespaces to look at them, and keeps none
			continue
		}
		pins, err := s.NS.Pins(pid, s.lacks)
		if err != nil {
			continue // gone, or not for us to know
		}
		add(pins)
	}
	for _, id := range slices.Sorted(maps.Keys(s.found)) {
		n := s.found[id]
		if n.Type != event.Mnt {
			continue
		}
		if pin := s.pins[id]; len(n.Processes) == 0 && pin.Kind == nsfs.PinThread {
			pins, _ := s.NS.MountPins(pin.PID, pin.TID, s.lacks)
			add(pins)
		}
		for _, pid := range n.Processes {
			if pins, err := s.NS.MountPins(pid, 0, s.lacks); err == nil {
				add(pins)
				break
			}
		}
	}
	if s.Sockets == nil {
		return nil
	}
	sockets, err := s.Sockets()
	if err != nil {
		s.Log.Debug("net namespaces that only sockets keep are not found", "error", err)
	}
	add(sockets)
	return nil
}

// add adds what is pinned, and the reason.
func (s *survey) add(pin nsfs.Pin) {
	n, _ := s.namespace(pin.Type, pin.ID)
	n.PinnedBy = append(n.PinnedBy, s.reason(pin))
	s.setRelations(n, func(known func(uint64) bool) ([]nsfs.Relation, error) {
		return s.NS.PinRelations(pin, known)
	})
}

// reason says in words what pins a namespace.
func (s *survey) reason(pin nsfs.Pin) string {
	comm, err := s.Proc.Comm(pin.PID)
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
