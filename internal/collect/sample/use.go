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

// moves reads the CPU time of a container of which a full reading is due. It returns false if nothing has run in the container since the latest
// one, which that would find again. Then its memory, the limit of that and its traffic are read every idleEvery turns all the same, since
// reclaim, writes to the limit, packets and the writing of dirty pages come from elsewhere, and everything every restingEvery turns.
func (s *sampler) moves(c *sampled) bool {
	s.openMeter(c)
	cpu, err := c.meter.CPUMicros()
	if err != nil {
		s.Log.Debug("read the CPU time", "cgroup", c.path, "error", err)
	}
	switch {
	case cpu == nil:
		c.unmoved = 0
		return true
	case *cpu != c.cpu:
		c.cpu, c.unmoved = *cpu, 0
		return true
	}
	c.unmoved++
	longest := restingEvery
	if c.outside != 0 { // whether a process is in its own cgroup may change without it
		longest = 2 * idleEvery
	}
	return c.unmoved < restsAfter || !s.writesReported || c.pressed || s.turn-c.fullAt >= longest || c.due == 0
}

// useAtRest reads of what a container at rest uses what comes from elsewhere.
func (s *sampler) useAtRest(c *sampled) *fact.Use {
	use := &fact.Use{CPUMicros: new(c.cpu)}
	if err := c.meter.Devices(use); err != nil {
		s.Log.Debug("read what is used", "cgroup", c.path, "error", err)
	}
	s.readTraffic(c, use)
	return use
}

// use reads what a container uses, and has used.
func (s *sampler) use(c *sampled) *fact.Use {
	s.openMeter(c)
	use, err := c.meter.Read(c.memory.UsageBytes)
	if err != nil {
		s.Log.Debug("read what is used", "cgroup", c.path, "error", err)
	}
	s.readTraffic(c, &use)
	c.pressed = false
	for _, pressure := range []*float64{use.MemoryPressure, use.CPUPressure, use.IOPressure} {
		c.pressed = c.pressed || pressure != nil && *pressure > 0
	}
	if use == (fact.Use{}) {
		return nil
	}
	return &use
}

// readTraffic adds what a container's own interfaces have received and sent.
func (s *sampler) readTraffic(c *sampled, use *fact.Use) {
	if !c.ownNet || c.pid == 0 {
		return
	}
	received, sent, err := s.Net.Traffic(c.pid)
	if err != nil {
		s.Log.Debug("read the traffic", "cgroup", c.path, "pid", c.pid, "error", err)
		return
	}
	use.ReceivedBytes, use.SentBytes = &received, &sent
}
