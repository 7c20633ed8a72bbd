package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/probes"
)

// Where there is doubt again and again, the host is read no more often than this.
const (
	reconcileInterval        = 500 * time.Millisecond
	longestReconcileInterval = 30 * time.Second
)

// reconcile reads the cgroups, the containers and their inits again whenever something may have been missed, until ctx
// is done.
func (p *Pipeline) reconcile(ctx context.Context, kernel *probes.Probes) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.doubts:
		}
		began := p.now()
		if err := p.reconcileOnce(ctx, kernel); err != nil && ctx.Err() == nil {
			p.cfg.Log.Warn("read the cgroups again, after events were lost", "error", err)
		}
		if !collect.Pause(ctx, collect.Backoff(p.now().Sub(began), reconcileInterval, longestReconcileInterval)) {
			return
		}
	}
}

func (p *Pipeline) reconcileOnce(ctx context.Context, kernel *probes.Probes) error {
	p.ask(call(func(*Pipeline) { p.tracker.Mark() }))
	var host []container.Cgroup
	var roots []rootCgroup
	parser := container.NewParser()
	err := p.layout.Walk(func(c cgroupfs.Cgroup) error {
		host = append(host, container.Cgroup{ID: c.ID, Path: c.Path})
		if ref, ok := parser.Parse(c.Path); ok && ref.Root == c.Path {
			roots = append(roots, rootCgroup{c, &ref})
		}
		return ctx.Err()
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// What could not be read may hold what is known.
	complete := err == nil
	if !complete {
		p.cfg.Log.Debug("not all cgroups could be read again", "error", err)
	}
	// What happened while the cgroups were read is reported by now.
	if !kernel.Sync(ctx) {
		return nil
	}
	var unread []container.Cgroup
	p.ask(call(func(*Pipeline) {
		p.compareCgroups(host, complete)
		unread, p.unread = p.unread, nil
	}))
	p.readLimits(unread)
	hostNow := p.lookAtHost()
	var failed error
	for _, root := range roots {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.reconcileContainer(ctx, kernel, root, hostNow); err != nil {
			failed = errors.Join(failed, err) // the others are looked at all the same
		}
	}
	return failed
}

// rootCgroup is a container's own cgroup.
type rootCgroup struct {
	cgroupfs.Cgroup

	ref *container.Ref
}

// compareCgroups takes in what no event has reported: cgroups that are there and, if the reading was complete, known
// ones that are not.
func (p *Pipeline) compareCgroups(host []container.Cgroup, complete bool) {
	unknown, gone := p.tracker.Compare(host)
	gone = slices.DeleteFunc(gone, func(c container.Cgroup) bool { return !complete || !p.layout.Shows(c.Path) })
	for _, c := range gone {
		e := event.Event{Time: p.until, Type: event.CgroupRemoved, Cgroup: &event.Cgroup{Path: c.Path, ID: c.ID, Via: event.ViaReconcile}}
		p.takeEvent(e)
	}
	for _, c := range unknown {
		p.tracker.Discover(c.ID, c.Path)
	}
	p.tellDiscovered(p.until)
}

// readLimits reads the limits of cgroups that were discovered.
func (p *Pipeline) readLimits(cgroups []container.Cgroup) {
	var read []fact.FoundCgroup
	for _, c := range cgroups {
		if limits, err := resources.In(p.layout).Limits(c.Path); err == nil {
			read = append(read, fact.FoundCgroup{Path: c.Path, Limits: limits})
		}
	}
	if len(read) > 0 {
		p.send(call(func(*Pipeline) { p.tell(fact.Fact{Cgroups: read}) }))
	}
}

// reconcileContainer finds out whether a container's init is what it is known to be.
func (p *Pipeline) reconcileContainer(ctx context.Context, kernel *probes.Probes, root rootCgroup, host hostState) error {
	var state container.State
	p.ask(call(func(*Pipeline) { state = p.tracker.StateOf(root.ref) }))
	switch {
	case state.Ended != 0: // what was made before that is left over, and is no container
		f, err := p.find(root.Cgroup, root.ref, host)
		if err != nil || f == nil || f.Starting || f.madeNS <= state.EndedNS {
			return err
		}
	case state.Init != 0:
		if !p.hostPIDs || p.lives(state) {
			return nil
		}
		// Its end may be in a ring.
		if !kernel.Sync(ctx) {
			return nil
		}
		missed := false
		p.ask(call(func(*Pipeline) {
			if missed = p.tracker.StateOf(root.ref).Init == state.Init; missed {
				p.tracker.Ended(root.ref)
				p.tell(fact.Fact{Time: p.now(), Gone: &fact.Gone{ID: root.ref.ID}})
			}
		}))
		if !missed {
			return nil
		}
	}
	_, err := p.admit(kernel, root, host)
	return err
}

// lives reports whether a container's init still exists. A process that was made after its program began is another
// one with its PID.
func (p *Pipeline) lives(state container.State) bool {
	proc, err := p.fs.Proc.Process(state.Init, p.layout)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil || state.StartedNS == 0 {
		return true
	}
	return madeNS(proc) <= state.StartedNS
}
