package kills

import (
	"log/slog"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/procfs"
)

const (
	// maxReadings limits how many command lines are being read at the same time; maxOfCgroup how many of victims
	// in one cgroup, or of one that ran out, and maxOfUser how many of a user's, other than root. So nobody whose
	// memory does not answer ends the reading for others.
	maxReadings = 16
	maxOfCgroup = 2
	maxOfUser   = 4
	// readTimeout is how long to wait for one. Reading it takes about 50 µs.
	readTimeout = 20 * time.Millisecond
)

// CommandLines reads the command lines of OOM victims from procfs. It complements the BPF program, which can only read the
// command line of a victim that triggered the OOM kill itself. The kernel takes the victim's mmap_lock for it, so a reading may
// block until the victim is gone: it has a goroutine of its own, which nobody waits for longer than readTimeout. CommandLines is for
// one goroutine. A nil one reads nothing.
type CommandLines struct {
	read  func(pid int32, most int) (procfs.Arguments, error)
	now   func() uint64
	after func(time.Duration) <-chan time.Time
	log   *slog.Logger

	mu      sync.Mutex
	pending map[quota]int // readings under way
	warned  bool          // that some are left out, since there was none under way
}

// NewCommandLines returns CommandLines that have read nothing yet.
func NewCommandLines(c Config) *CommandLines {
	return &CommandLines{read: c.Proc.Arguments, now: c.BootNow, after: time.After, log: c.Log, pending: map[quota]int{}}
}

// quota is what readings share a limit by; all of them have the zero one.
type quota struct {
	cgroup, domain uint64 // the victim's own, and that which ran out, by id
	uid            uint32
}

// quotas returns the limits that the reading for a kill counts against.
func quotas(e *event.Event) map[quota]int {
	limits := map[quota]int{{}: maxReadings}
	if e.CgroupID != 0 {
		limits[quota{cgroup: e.CgroupID}] = maxOfCgroup
	}
	if e.OOM.CgroupID != 0 {
		limits[quota{domain: e.OOM.CgroupID}] = maxOfCgroup
	}
	if uid := e.OOM.Victim.UID; uid != nil && *uid != 0 {
		limits[quota{uid: *uid}] = maxOfUser
	}
	return limits
}

// acquire counts a reading for a kill, and returns false where it must not be made. That is logged once, until none is under way.
func (c *CommandLines) acquire(limits map[quota]int, pid int32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for q, most := range limits {
		if c.pending[q] >= most {
			if !c.warned {
				c.warned = true
				c.log.Warn("command lines of OOM victims are missing: reading those of earlier ones has not ended, as where a process keeps its memory from being read",
					"waiting", c.pending[quota{}], "first_missing_pid", pid)
			}
			return false
		}
	}
	for q := range limits {
		c.pending[q]++
	}
	return true
}

// release ends a reading.
func (c *CommandLines) release(limits map[quota]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for q := range limits {
		if c.pending[q]--; c.pending[q] == 0 {
			delete(c.pending, q)
		}
	}
	c.warned = c.warned && len(c.pending) > 0
}

// Complete sets the command lines of the victims of kills among some events, where they are not known yet.
func (c *CommandLines) Complete(events []event.Event) {
	if c == nil {
		return
	}
	for i := range events {
		e := &events[i]
		if e.OOM == nil || e.OOM.Victim.CommandLine != "" || !isRecent(e, c.now()) {
			continue
		}
		if a, ok := c.readOne(e); ok && startedBefore(a.StartTime, e.BootNS) {
			e.OOM.Victim.CommandLine = event.CommandLine(a.Text, a.Cut)
			e.OOM.Victim.CommandLineCut = a.Cut && e.OOM.Victim.CommandLine != ""
		}
	}
}

// startedBefore reports whether a process started before a boot time. If it started after the kill, it is another process
// with the victim's PID.
func startedBefore(ticks, bootNS uint64) bool {
	return time.Duration(ticks)*procfs.ClockTick <= time.Duration(bootNS)
}

// readOne reads one command line. It returns false if that fails or takes too long.
func (c *CommandLines) readOne(e *event.Event) (procfs.Arguments, bool) {
	pid, limits := e.OOM.Victim.PID, quotas(e)
	if !c.acquire(limits, pid) {
		return procfs.Arguments{}, false
	}
	answer := make(chan *procfs.Arguments, 1)
	go func() {
		defer c.release(limits)
		a, err := c.read(pid, event.MaxCommandLine)
		if err != nil { // as a rule it is gone
			answer <- nil
			return
		}
		answer <- &a
	}()
	select {
	case a := <-answer:
		if a == nil {
			return procfs.Arguments{}, false
		}
		return *a, true
	case <-c.after(readTimeout):
		return procfs.Arguments{}, false
	}
}
