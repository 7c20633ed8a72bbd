package sample

import (
	"github.com/nsviz/nsviz/internal/fact"
)

// restsAfter is in how many readings in a row the CPU time of a container must not have moved for it to rest. The first one reads all
// once more: what it wrote before may reach the devices later.
const restsAfter = 2

// openMeter opens the files with what a container uses, where they are not open. Its process may have become known since, and finds
// the cgroups in other hierarchies.
func (s *sampler) openMeter(c *sampled) {
	if c.meter != nil && c.meterOf == c.pid {
		return
	}
	if c.meter != nil {
		s.open -= c.meter.Open()
		c.meter.Close()
	}
	c.meter, c.meterOf = s.Resources.Meter(c.pid, s.Layout, c.path), c.pid
	s.open += c.meter.Open()
}

// rests reports whether a full reading that is due would find what the latest one found, since nothing has run in the container
// meanwhile: its CPU time has not moved. What it uses and its memory limit are read every idleEvery turns all the same, since packets and
// writes to the limit come from elsewhere, and everything every restingEvery turns.
func (s *sampler) rests(c *sampled, used uint64) bool {
	s.openMeter(c)
	cpu, err := c.meter.CPUMicros()
	if err != nil {
		s.Log.Debug("read the CPU time", "cgroup", c.path, "error", err)
	}
	switch {
	case cpu == nil:
		c.unmoved = 0
		return false
	case *cpu != c.cpu:
		c.cpu, c.unmoved = *cpu, 0
		return false
	}
	c.unmoved++
	if c.unmoved < restsAfter || !s.writesReported || used != c.used || s.turn-c.fullAt >= restingEvery || c.due == 0 {
		return false
	}
	if s.turn-c.useAt >= idleEvery {
		if err := c.files.Limit(&c.memory); err != nil {
			return false
		}
		s.takeLimit(c)
		c.latest.Use, c.useAt = s.use(c), s.turn
	} else {
		c.latest.Use = &fact.Use{CPUMicros: cpu}
	}
	c.due = s.turn + fullEvery
	c.dueEarly = c.due
	return true
}

// use reads what a container uses, and has used.
func (s *sampler) use(c *sampled) *fact.Use {
	s.openMeter(c)
	use, err := c.meter.Read(c.memory.UsageBytes)
	if err != nil {
		s.Log.Debug("read what is used", "cgroup", c.path, "error", err)
	}
	if c.ownNet && c.pid != 0 {
		received, sent, err := s.Net.Traffic(c.pid)
		if err != nil {
			s.Log.Debug("read the traffic", "cgroup", c.path, "pid", c.pid, "error", err)
		} else {
			use.ReceivedBytes, use.SentBytes = &received, &sent
		}
	}
	if use == (fact.Use{}) {
		return nil
	}
	return &use
}
