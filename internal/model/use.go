package model

import (
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// Use holds what a live container uses. A nil field is unknown: the kernel does not count it, or there was no second reading yet.
type Use struct {
	// CPUPercent is the CPU time between the two latest readings, in percent of one CPU.
	CPUPercent *float64
	// ThrottledPercent is the share of the periods of its quota in which that was used up. It is 0 if nothing wanted to run.
	ThrottledPercent *float64
	SwapBytes        *uint64
	// Tasks counts processes and threads.
	Tasks *uint64
	// ReceivedPerSecond and SentPerSecond are bytes by the interfaces of its own net namespace but the loopback, ReadPerSecond and
	// WrittenPerSecond by block devices.
	ReceivedPerSecond, SentPerSecond, ReadPerSecond, WrittenPerSecond *float64
	// MemoryPressure, CPUPressure and IOPressure are the share of the last ten seconds, in percent, in which some task waited.
	MemoryPressure, CPUPressure, IOPressure *float64
}

// useTTL is how long a reading of what is used stays valid: those of a container at rest are rare.
const useTTL = 30 * time.Second

// counter is a value of the kernel that only grows, and its pace.
type counter struct {
	value uint64
	at    instant // of the latest reading; 0 is none
	// grown is how much it grew in the seconds between the two latest readings; valid if seconds is not 0.
	grown   uint64
	seconds float64
}

// read takes a reading; nil leaves all as it was. A counter that fell belongs to another cgroup or namespace, and begins anew.
func (c *counter) read(at instant, value *uint64) {
	if value == nil {
		return
	}
	took := at.sub(c.at).Seconds()
	c.grown, c.seconds = 0, 0
	if c.at != 0 && took > 0 && *value >= c.value {
		c.grown, c.seconds = *value-c.value, took
	}
	c.value, c.at = *value, at
}

// perSecond returns the pace; nil is unknown.
func (c *counter) perSecond(now instant) *float64 {
	if c.seconds == 0 || now.sub(c.at) > useTTL {
		return nil
	}
	return new(float64(c.grown) / c.seconds)
}

// used is what the model knows of what a container uses.
type used struct {
	at                                                                      instant // of the latest reading
	cpu, periods, throttledPeriods, received, sent, readBytes, writtenBytes counter
	// shown is what snapshots share: replaced, never changed. nil is unknown.
	shown *Use
}

// take takes a reading; nil is none, for which it returns false. What it lacks is as at the reading before.
func (u *used) take(at instant, r *fact.Use) bool {
	if r == nil {
		return false
	}
	if at < u.at { // the clock was set
		*u = used{}
	}
	u.at = at
	u.cpu.read(at, r.CPUMicros)
	u.periods.read(at, r.Periods)
	u.throttledPeriods.read(at, r.ThrottledPeriods)
	u.received.read(at, r.ReceivedBytes)
	u.sent.read(at, r.SentBytes)
	u.readBytes.read(at, r.ReadBytes)
	u.writtenBytes.read(at, r.WrittenBytes)
	before := u.shown
	if before == nil {
		before = &Use{}
	}
	u.shown = &Use{
		SwapBytes: orBefore(r.SwapBytes, before.SwapBytes), Tasks: orBefore(r.Tasks, before.Tasks),
		ReceivedPerSecond: u.received.perSecond(at), SentPerSecond: u.sent.perSecond(at),
		ReadPerSecond: u.readBytes.perSecond(at), WrittenPerSecond: u.writtenBytes.perSecond(at),
		MemoryPressure: orBefore(r.MemoryPressure, before.MemoryPressure), CPUPressure: orBefore(r.CPUPressure, before.CPUPressure),
		IOPressure: orBefore(r.IOPressure, before.IOPressure),
	}
	if micros := u.cpu.perSecond(at); micros != nil {
		u.shown.CPUPercent = new(*micros / 1e6 * 100)
	}
	if u.periods.seconds > 0 && u.throttledPeriods.seconds > 0 {
		u.shown.ThrottledPercent = new(min(float64(u.throttledPeriods.grown)/float64(max(u.periods.grown, 1)), 1) * 100)
	}
	return true
}

// record adds the latest reading's pace of the CPU time to the last minute.
func (u *used) record(h *lastMinute) {
	if u.cpu.at != u.at || u.shown.CPUPercent == nil {
		return // no reading of it, or the first one
	}
	throttled := u.throttledPeriods.at == u.at && u.throttledPeriods.grown > 0
	h.cpu(u.at-instant(u.cpu.seconds*float64(time.Second)), u.at, *u.shown.CPUPercent, throttled)
}

// orBefore returns a reading or, without one, that before.
func orBefore[T any](now, before *T) *T {
	if now != nil {
		return now
	}
	return before
}

// presented returns what is used at an instant; nil is unknown.
func (u *used) presented(now instant) *Use {
	if u.shown == nil || now.sub(u.at) > useTTL {
		return nil
	}
	return u.shown
}
