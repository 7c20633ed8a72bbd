package pipeline

import (
	"context"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// What nsviz needs, as measured with `serve`: its cgroup was charged for 25 MiB at most while it attached the probes, of which 10 MiB
// are the BPF maps, and for 95 MiB with 1,000 containers.
const (
	needsBytes             = 32 << 20
	needsBytesPerContainer = 80 << 10
)

// MemoryNeeded is about how much memory nsviz needs, in bytes, to watch so many live containers.
func MemoryNeeded(containers int) uint64 {
	return needsBytes + uint64(containers)*needsBytesPerContainer
}

// ownMemoryInterval is how often nsviz looks how much of what it may use is used; unlimitedInterval is how often it looks
// whether there is a limit, where there is none.
const (
	ownMemoryInterval = 2 * time.Second
	unlimitedInterval = 10 * time.Second
)

// savesFrom is from which share of a limit on a step is taken. It ends where the share is by savesEnough lower.
var savesFrom = map[fact.Saving]float64{fact.SavesPast: 0.80, fact.SavesSearches: 0.90}

const savesEnough = 0.10

// nextSaving is the step to go to where so much of a limit is used: one on, one back or the same.
func nextSaving(step fact.Saving, share float64) fact.Saving {
	if from, more := savesFrom[step+1]; more && share >= from {
		return step + 1
	}
	if step > fact.SavesNothing && share < savesFrom[step]-savesEnough {
		return step - 1
	}
	return step
}

// ownMemory keeps nsviz within the memory that its own cgroup may use, so that it is not the OOM killer's next victim.
type ownMemory struct {
	rooms func() ([]resources.MemoryRoom, error)
	// limit has the Go runtime keep to what the lowest limit allows; nil where that is not wanted.
	limit func(lowest *uint64)
	// free gives back to the kernel what is free already.
	free func()
	log  *slog.Logger

	now   fact.OwnMemory
	known bool // that is, ever read
}

func newOwnMemory(fs *host.FS, layout cgroupfs.Layout, self int32, limit func(*uint64), log *slog.Logger) *ownMemory {
	return &ownMemory{
		rooms: func() ([]resources.MemoryRoom, error) {
			path, err := fs.Cgroups.PathOf(self, layout)
			if err != nil {
				return nil, err
			}
			return resources.In(layout).MemoryRooms(path)
		},
		limit: limit, free: debug.FreeOSMemory, log: log,
	}
}

// look reads what is used and reports what has changed: the limit, or what nsviz does without from now on; nil is nothing.
func (o *ownMemory) look() *fact.OwnMemory {
	rooms, err := o.rooms()
	if err != nil {
		o.log.Debug("how much memory nsviz may use is not known", "error", err)
		return nil
	}
	next := fact.OwnMemory{Saving: nextSaving(o.now.Saving, fullest(rooms).Share())}
	if next.Saving > o.now.Saving {
		// Perhaps it is but what the runtime has not given back.
		o.free()
		if again, err := o.rooms(); err == nil {
			rooms = again
		}
		next.Saving = nextSaving(o.now.Saving, fullest(rooms).Share())
	}
	for _, room := range rooms {
		if next.LimitBytes == nil || room.LimitBytes < *next.LimitBytes {
			next.LimitBytes, next.Cgroup = &room.LimitBytes, room.Cgroup
		}
	}
	before, first := o.now, !o.known
	o.now, o.known = next, true
	moved := !sameLimit(before.LimitBytes, next.LimitBytes)
	if moved {
		o.keepTo(next)
	}
	if next.Saving != before.Saving {
		o.report(before.Saving, fullest(rooms))
	}
	if !first && !moved && next.Saving == before.Saving && next.Cgroup == before.Cgroup {
		return nil
	}
	return &next
}

// interval returns how long to wait before the next look.
func (o *ownMemory) interval() time.Duration {
	if o.known && o.now.LimitBytes == nil {
		return unlimitedInterval
	}
	return ownMemoryInterval
}

// keepTo has the runtime keep to a limit that is new, and warns of one that is too low.
func (o *ownMemory) keepTo(m fact.OwnMemory) {
	if o.limit != nil {
		o.limit(m.LimitBytes)
	}
	if m.LimitBytes != nil && *m.LimitBytes < MemoryNeeded(0) {
		o.log.Warn("the limit on memory is too low: the OOM killer may take nsviz", "limit_bytes", *m.LimitBytes, "cgroup", m.Cgroup,
			"needed_bytes", MemoryNeeded(0))
	}
}

func (o *ownMemory) report(before fact.Saving, full resources.MemoryRoom) {
	at := []any{"used_bytes", full.UsedBytes, "limit_bytes", full.LimitBytes, "cgroup", full.Cgroup}
	switch {
	case o.now.Saving > before:
		o.log.Warn("the OOM killer may take nsviz soon: "+savingNote(o.now.Saving), at...)
	case o.now.Saving == fact.SavesNothing:
		o.log.Info("nsviz's own cgroup has room again: nsviz keeps as much as usual", at...)
	default:
		o.log.Info("nsviz's own cgroup has more room again: "+savingNote(o.now.Saving), at...)
	}
}

// savingNote says what nsviz does without.
func savingNote(step fact.Saving) string {
	const full = "nsviz's own cgroup is nearly full, so nsviz "
	switch step {
	case fact.SavesPast:
		return full + "keeps less of what has ended (an eighth, for 5 minutes)"
	case fact.SavesSearches:
		return full + "keeps hardly anything of what has ended (a minute) and does not search for what keeps a namespace without processes"
	}
	return ""
}

// fullest is the room of which the largest share is used; none is one that nothing is used of.
func fullest(rooms []resources.MemoryRoom) resources.MemoryRoom {
	if len(rooms) == 0 {
		return resources.MemoryRoom{}
	}
	return slices.MaxFunc(rooms, func(a, b resources.MemoryRoom) int {
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

// watchOwnMemory looks again and again how much room is left, until ctx is done.
func (p *Pipeline) watchOwnMemory(ctx context.Context) {
	for collect.Pause(ctx, p.memory.interval()) {
		if news := p.memory.look(); news != nil {
			p.ask(call(func(*Pipeline) { p.applyOwnMemory(*news) }))
			if news.Saving > fact.SavesNothing {
				p.memory.free() // what was just forgotten
			}
		}
	}
}

// applyOwnMemory takes in what nsviz may use, and shows what it does without as a note on the host.
func (p *Pipeline) applyOwnMemory(m fact.OwnMemory) {
	before := fact.Saving(p.saving.Swap(int32(m.Saving)))
	p.tell(fact.Fact{OwnMemory: &m})
	if m.Saving == before {
		return
	}
	host := p.Snapshot().Host
	host.Notes = slices.DeleteFunc(slices.Clone(host.Notes), func(note string) bool { return note == savingNote(before) })
	if note := savingNote(m.Saving); note != "" {
		host.Notes = append(host.Notes, note)
	}
	p.tell(fact.Fact{Host: &host})
}

// savesSearches reports whether nsviz does without searches for what keeps a namespace.
func (p *Pipeline) savesSearches() bool {
	return fact.Saving(p.saving.Load()) >= fact.SavesSearches
}

// GoMemoryLimit is how much of a cgroup's limit, in bytes, the Go runtime may use; without one it is math.MaxInt64, as the runtime
// has it. The rest is for what is not the runtime's.
func GoMemoryLimit(lowest *uint64) int64 {
	if lowest == nil {
		return math.MaxInt64
	}
	return int64(min(*lowest/10*9, math.MaxInt64))
}
