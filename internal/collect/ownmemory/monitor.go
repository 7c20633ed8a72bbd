package ownmemory

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// What nsviz needs, as measured with `serve`: its cgroup was charged for 25 MiB at most while it attached the probes, of which 10 MiB
// are the BPF maps, and for 95 MiB with 1,000 containers.
const (
	needsBytes             = 32 << 20
	needsBytesPerContainer = 80 << 10
)

// Needed returns about how much memory nsviz needs, in bytes, to watch so many live containers.
func Needed(containers int) uint64 {
	return needsBytes + uint64(containers)*needsBytesPerContainer
}

// interval is the time between two checks; unlimitedInterval is that where there is no limit.
const (
	interval          = 2 * time.Second
	unlimitedInterval = 10 * time.Second
)

// savesFrom holds the share of a limit from which on a step is taken. The step ends where the share is lower by savesEnough.
var savesFrom = map[fact.Saving]float64{fact.SavesPast: 0.80, fact.SavesSearches: 0.90}

const savesEnough = 0.10

// nextSaving returns the step to go to where so much of a limit is used: one on, one back or the same.
func nextSaving(step fact.Saving, share float64) fact.Saving {
	if from, more := savesFrom[step+1]; more && share >= from {
		return step + 1
	}
	if step > fact.SavesNothing && share < savesFrom[step]-savesEnough {
		return step - 1
	}
	return step
}

// Loop takes what is found out.
type Loop interface {
	// OwnMemoryChanged returns when the change is applied, and so what nsviz does without from now on is forgotten.
	OwnMemoryChanged(fact.OwnMemory)
}

// Config says whose memory it is, and who is to keep within it.
type Config struct {
	Cgroups *cgroupfs.Reader
	Layout  cgroupfs.Layout
	// Self is nsviz's own PID in procfs.
	Self int32
	// LimitRuntime has the Go runtime keep to what the lowest limit allows, in bytes, where there is one; nil where that is not
	// wanted.
	LimitRuntime func(lowest *uint64)
	Log          *slog.Logger
	Loop         Loop
}

// A Monitor checks how much of the memory that nsviz's own cgroup may use is used. It is for one goroutine at a time.
type Monitor struct {
	rooms func() ([]fact.MemoryRoom, error)
	limit func(lowest *uint64) // nil where that is not wanted
	// free gives back to the kernel what is free already.
	free func()
	log  *slog.Logger
	loop Loop

	current fact.OwnMemory
	known   bool // it was ever read
}

// New returns a Monitor that has checked nothing yet.
func New(c Config) *Monitor {
	return &Monitor{
		rooms: func() ([]fact.MemoryRoom, error) {
			path, err := c.Cgroups.PathOf(c.Self, c.Layout)
			if err != nil {
				return nil, err
			}
			return resources.In(c.Layout).MemoryRooms(path)
		},
		limit: c.LimitRuntime, free: debug.FreeOSMemory, log: c.Log, loop: c.Loop,
	}
}

// Run checks again and again, until ctx is done.
func (m *Monitor) Run(ctx context.Context) {
	for collect.Pause(ctx, m.pause()) {
		if news := m.Check(); news != nil {
			m.loop.OwnMemoryChanged(*news)
			if news.Saving > fact.SavesNothing {
				m.free() // what was just forgotten
			}
		}
	}
}

// Check reads what is used and returns what has changed: the limit, or what nsviz does without from now on. It returns nil if
// nothing has.
func (m *Monitor) Check() *fact.OwnMemory {
	rooms, err := m.rooms()
	if err != nil {
		m.log.Debug("how much memory nsviz may use is not known", "error", err)
		return nil
	}
	next := fact.OwnMemory{Saving: nextSaving(m.current.Saving, fullest(rooms).Share())}
	if next.Saving > m.current.Saving {
		// Perhaps it is but what the runtime has not given back.
		m.free()
		if again, err := m.rooms(); err == nil {
			rooms = again
		}
		next.Saving = nextSaving(m.current.Saving, fullest(rooms).Share())
	}
	for _, room := range rooms {
		if next.LimitBytes == nil || room.LimitBytes < *next.LimitBytes {
			next.LimitBytes, next.Cgroup = &room.LimitBytes, room.Cgroup
		}
	}
	before, first := m.current, !m.known
	m.current, m.known = next, true
	limitChanged := !sameLimit(before.LimitBytes, next.LimitBytes)
	if limitChanged {
		m.keepTo(next)
	}
	if next.Saving != before.Saving {
		m.report(before.Saving, fullest(rooms))
	}
	if !first && !limitChanged && next.Saving == before.Saving && next.Cgroup == before.Cgroup {
		return nil
	}
	return &next
}

// pause returns how long to wait before the next check.
func (m *Monitor) pause() time.Duration {
	if m.known && m.current.LimitBytes == nil {
		return unlimitedInterval
	}
	return interval
}

// keepTo has the runtime keep to a limit that is new, and warns of one that is too low.
func (m *Monitor) keepTo(limit fact.OwnMemory) {
	if m.limit != nil {
		m.limit(limit.LimitBytes)
	}
	if limit.LimitBytes != nil && *limit.LimitBytes < Needed(0) {
		m.log.Warn("the limit on memory is too low: the OOM killer may take nsviz", "limit_bytes", *limit.LimitBytes, "cgroup", limit.Cgroup,
			"needed_bytes", Needed(0))
	}
}

func (m *Monitor) report(before fact.Saving, full fact.MemoryRoom) {
	at := []any{"used_bytes", full.WorkingSetBytes, "limit_bytes", full.LimitBytes, "cgroup", full.Cgroup}
	switch {
	case m.current.Saving > before:
		m.log.Warn("the OOM killer may take nsviz soon: "+Note(m.current.Saving), at...)
	case m.current.Saving == fact.SavesNothing:
		m.log.Info("nsviz's own cgroup has room again: nsviz keeps as much as usual", at...)
	default:
		m.log.Info("nsviz's own cgroup has more room again: "+Note(m.current.Saving), at...)
	}
}

// Note says what nsviz does without at a step. It is empty where that is nothing.
func Note(step fact.Saving) string {
	const full = "nsviz's own cgroup is nearly full, so nsviz "
	switch step {
	case fact.SavesPast:
		return full + "keeps less of what has ended (an eighth, for 5 minutes)"
	case fact.SavesSearches:
		return full + "keeps hardly anything of what has ended (a minute) and does not search for what keeps a namespace without processes"
	}
	return ""
}

// fullest returns the room of which the largest share is used; none is one that nothing is used of.
func fullest(rooms []fact.MemoryRoom) fact.MemoryRoom {
	if len(rooms) == 0 {
		return fact.MemoryRoom{}
	}
	return slices.MaxFunc(rooms, func(a, b fact.MemoryRoom) int {
		switch {
		case a.Share() < b.Share():
			return -1
		case a.Share() > b.Share():
			return 1
		}
		return 0
	})
}

func sameLimit(a, b *uint64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
