package sample

import (
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/collect/victim"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// nearShare is the share of a limit from which on the working set is read at every reading, not only at full ones: a kill may be near.
const nearShare = 0.7

// roomStay is how much more of another limit must be used for that to become the nearest one, as a share of the limit: a forecast is made
// from readings of one limit.
const roomStay = 0.05

const (
	// victimShare is the share of a limit from which on the next victim is looked for.
	victimShare = 0.9
	// victimInterval is the least time between two searches for it in one cgroup, longestVictimInterval the longest where there are
	// many processes.
	victimInterval        = time.Second
	longestVictimInterval = 10 * time.Second
)

// domain is a cgroup with a limit on memory, or without one: a container's own or one above it, which several may share. The kernel
// chooses the victim among all that is in the cgroup whose limit is reached.
type domain struct {
	path  string
	apart bool // the limits above do not apply to it
	// memory is as of the turn of its latest reading, its limit as of an earlier one.
	memory    resources.Memory
	read      int // that turn
	limitsDue int // the turn from which on its limit is read, where it is no container's own
	// workingSet was read when the usage was used; nil is unknown. used is nil before the first reading.
	workingSet, used *uint64
	// nextVictim is replaced, never changed. It is looked for again at victimDue.
	nextVictim *fact.NextVictim
	victimDue  time.Time
	turn       int // the latest one in which it was asked for
}

// domain returns what is known of the cgroup at path.
func (s *sampler) domain(path string) *domain {
	d := s.domains[path]
	if d == nil {
		d = &domain{path: path, apart: resources.In(s.Layout).MemoryApart(path)}
		s.domains[path] = d
	}
	d.turn = s.turn
	return d
}

// near reports whether it may reach its limit soon.
func (d *domain) near() bool {
	return d.memory.UsageBytes != nil && d.memory.LimitBytes != nil && float64(*d.memory.UsageBytes) > nearShare*float64(*d.memory.LimitBytes)
}

// readMemory reads what a cgroup above containers uses and may use: at most once a turn and, where nothing limits it, rarely.
func (s *sampler) readMemory(d *domain) {
	if d.read == s.turn || d.memory.LimitBytes == nil && s.turn < d.limitsDue {
		return
	}
	d.read, d.limitsDue = s.turn, s.turn+fullEvery
	if s.writesReported {
		d.limitsDue = s.turn + limitsEvery*fullEvery
	}
	var err error
	if d.memory, err = resources.In(s.Layout).Memory(d.path); err != nil {
		d.memory = resources.Memory{}
		s.Log.Debug("read memory", "cgroup", d.path, "error", err)
	}
}

// readWorkingSet reads the working set if the usage has changed since it was read: that costs the kernel more than the usage.
func (s *sampler) readWorkingSet(d *domain) *uint64 {
	usage := d.memory.UsageBytes
	if usage == nil {
		return nil
	}
	if d.used == nil || *d.used != *usage {
		var err error
		if d.workingSet, err = resources.In(s.Layout).WorkingSet(d.path, *usage); err != nil {
			s.Log.Debug("read the working set", "cgroup", d.path, "error", err)
		}
		d.used = usage
	}
	return d.workingSet
}

// readRooms reads the working set of a container, and the limit that is nearest to being reached, its own or one above. Far from a limit
// only full readings read them.
func (s *sampler) readRooms(c *sampled, full bool) {
	c.latest.WorkingSetBytes, c.latest.Room, c.latest.NextVictim = nil, nil, nil
	if c.empty {
		return
	}
	own := s.domain(c.path)
	own.memory, own.read = c.memory, s.turn
	s.chain = append(s.chain[:0], own)
	c.near = own.near()
	for d := own; d.path != s.Layout.Top() && d.path != "/" && !d.apart; {
		d = s.domain(cgroupfs.Parent(d.path))
		s.readMemory(d)
		c.near = c.near || d.near()
		s.chain = append(s.chain, d)
	}
	if !full && !c.near {
		return
	}
	var nearest *domain
	for i, d := range s.chain {
		if s.addRoom(c, d, i == 0) {
			nearest = d
		}
	}
	if nearest != nil {
		c.room = nearest.path
	}
	if nearest != nil && c.latest.Room.Share() >= victimShare {
		c.latest.NextVictim = s.findVictim(nearest)
	}
}

// findVictim returns whom the OOM killer would choose at a limit.
func (s *sampler) findVictim(d *domain) *fact.NextVictim {
	began := s.Now()
	if began.Before(d.victimDue) {
		return d.nextVictim
	}
	var err error
	if d.nextVictim, err = (victim.Reader{Proc: s.Proc, Resources: s.Resources, Layout: s.Layout}).Next(d.path); err != nil {
		s.Log.Debug("find the next victim", "cgroup", d.path, "error", err)
	}
	now := s.Now()
	d.victimDue = now.Add(collect.Backoff(now.Sub(began), victimInterval, longestVictimInterval))
	return d.nextVictim
}

// share returns how near a limit of a container is to being reached, with preference for the one that was the nearest before.
func (c *sampled) share(room fact.MemoryRoom) float64 {
	if room.Cgroup == c.room {
		return room.Share() + roomStay
	}
	return room.Share()
}

// addRoom reads the working set of a container's own cgroup or of a limited one above. It reports whether the limit of that is the
// nearest so far.
func (s *sampler) addRoom(c *sampled, d *domain, own bool) bool {
	if !own && d.memory.LimitBytes == nil {
		return false
	}
	bytes := s.readWorkingSet(d)
	if own {
		c.latest.WorkingSetBytes = bytes
	}
	if bytes == nil || d.memory.LimitBytes == nil {
		return false
	}
	room := fact.MemoryRoom{Cgroup: d.path, LimitBytes: *d.memory.LimitBytes, WorkingSetBytes: *bytes}
	if best := c.latest.Room; best != nil && c.share(room) <= c.share(*best) {
		return false
	}
	c.latest.Room = &room
	return true
}
