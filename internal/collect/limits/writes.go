package limits

import (
	"context"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// changedCgroup is a cgroup that was written to.
type changedCgroup struct {
	path    string
	unread  cgroupfs.Change             // the limits that were written to since they were read
	writers map[cgroupfs.Change][]int32 // who wrote to what, by PID
	limits  *fact.CgroupLimits          // as read last; nil where the cgroup is gone
	freezer *Freezer                    // the same
}

// maxRounds is how often limits are read that change meanwhile.
const maxRounds = 4

// handle reports writes. It reads the limits that were written to, and then what has been written meanwhile: whoever
// wrote to the same limit up to that point may have written what was read. What it cannot see is a write that has not
// returned, as one of a memory limit below the usage, whose value is in force already: it is reported then as that of the
// one whose write has returned. The late write that follows changes nothing, like one of the same value, which runtimes
// and systemd make as a rule; so it does not put the first author in doubt. It returns the writes that are still to be
// handled, and whether some were lost.
func (f *Follower) handle(ctx context.Context, list []cgroupfs.Write, pending func() ([]cgroupfs.Write, bool, error)) (left []cgroupfs.Write, lost bool, err error) {
	at := f.cfg.Now()
	var cgroups []*changedCgroup
	byPath := map[string]*changedCgroup{}
	for round := 1; ; round++ {
		for _, w := range list {
			f.remember(at, w.PID) // before it exits
			g := byPath[w.Path]
			if g == nil {
				g = &changedCgroup{path: w.Path, writers: map[cgroupfs.Change][]int32{}}
				byPath[w.Path] = g
				cgroups = append(cgroups, g)
			}
			g.add(w)
		}
		for _, g := range cgroups {
			f.read(g)
		}
		var more bool
		if list, more, err = pending(); err != nil {
			break
		}
		lost = lost || more
		again := false
		for _, w := range list {
			g := byPath[w.Path]
			again = again || g != nil && g.sharesLimit(w)
		}
		if again && round < maxRounds {
			continue
		}
		// Of what goes on being written, the latest value may be that of these, too.
		for _, w := range list {
			if g := byPath[w.Path]; g != nil && g.sharesLimit(w) {
				f.remember(at, w.PID)
				g.add(w)
			}
		}
		left = list
		break
	}
	for _, g := range cgroups {
		f.reportChanges(ctx, at, g)
	}
	return left, lost, err
}

// changes yields the single bits of a set.
func changes(set cgroupfs.Change) func(yield func(cgroupfs.Change) bool) {
	return func(yield func(cgroupfs.Change) bool) {
		for bit := cgroupfs.Change(1); bit != 0 && bit <= set; bit <<= 1 {
			if set&bit != 0 && !yield(bit) {
				return
			}
		}
	}
}

// add notes a write.
func (g *changedCgroup) add(w cgroupfs.Write) {
	for change := range changes(w.Changes) {
		if !slices.Contains(g.writers[change], w.PID) {
			g.writers[change] = append(g.writers[change], w.PID)
		}
	}
	g.unread |= w.Changes &^ cgroupfs.Membership
}

// sharesLimit reports whether a write is to a limit that others have written to.
func (g *changedCgroup) sharesLimit(w cgroupfs.Write) bool {
	for change := range changes(w.Changes &^ cgroupfs.Membership) {
		if len(g.writers[change]) > 0 {
			return true
		}
	}
	return false
}

// read reads the limits of a cgroup that were written to since they were read.
func (f *Follower) read(g *changedCgroup) {
	if g.unread == 0 {
		return
	}
	unread := g.unread
	g.unread = 0
	if unread&cgroupfs.Freezer != 0 {
		g.freezer = f.readFreezer(g.path)
	}
	if unread == cgroupfs.Freezer {
		return
	}
	g.limits = nil
	if limits, err := resources.In(f.cfg.Layout).Limits(g.path); err == nil {
		g.limits = limits
	}
}

// readFreezer reads the freezer of a cgroup; nil is unknown, or the cgroup is gone.
func (f *Follower) readFreezer(path string) *Freezer {
	in := resources.In(f.cfg.Layout)
	frozen, err := in.Frozen(path)
	if err != nil || frozen == nil {
		return nil
	}
	state := &Freezer{Frozen: *frozen}
	if !*frozen {
		if state.Still, err = in.FrozenBelow(path); err != nil {
			f.cfg.Log.Debug("read the freezers below a cgroup", "cgroup", path, "error", err)
		}
	}
	return state
}

// reportChanges reports what was written to a cgroup: each limit with those who wrote to it, and together those that the same
// processes wrote to.
func (f *Follower) reportChanges(ctx context.Context, at time.Time, g *changedCgroup) {
	for _, pid := range g.writers[cgroupfs.Membership] {
		f.report(ctx, Write{Time: at, Path: g.path}, []int32{pid})
	}
	if g.freezer != nil {
		f.report(ctx, Write{Time: at, Path: g.path, Freezer: g.freezer}, g.writers[cgroupfs.Freezer])
	}
	if g.limits == nil {
		return
	}
	reported := cgroupfs.Change(0)
	for {
		var by []int32
		var limits fact.CgroupLimits
		for _, l := range []struct {
			change  cgroupfs.Change
			is, now **fact.Limit
		}{
			{cgroupfs.MemoryLimit, &g.limits.Memory, &limits.Memory},
			{cgroupfs.SwapLimit, &g.limits.Swap, &limits.Swap},
			{cgroupfs.CPULimit, &g.limits.CPU, &limits.CPU},
			{cgroupfs.PIDsLimit, &g.limits.PIDs, &limits.PIDs},
		} {
			writers := g.writers[l.change]
			if len(writers) == 0 || *l.is == nil || reported&l.change != 0 || by != nil && !slices.Equal(by, writers) {
				continue
			}
			by, *l.now = writers, *l.is
			reported |= l.change
		}
		if by == nil {
			return
		}
		f.report(ctx, Write{Time: at, Path: g.path, Limits: &limits}, by)
	}
}

// report reports a write by one of some processes; 0 among them is an unknown one.
func (f *Follower) report(ctx context.Context, w Write, pids []int32) {
	var err error
	if w.ID, err = f.cfg.Layout.ID(w.Path); err != nil {
		return // gone, or not in the tracked hierarchy
	}
	w.Writers = f.writersOf(pids)
	// A write may be faster than the event of the cgroup's creation.
	if !f.cfg.Loop.Knows(w.ID) {
		f.cfg.Loop.Sync(ctx)
	}
	f.cfg.Loop.Written(w)
}
