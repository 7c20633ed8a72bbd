package find

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/container"
)

// Where there is doubt again and again, the host is read no more often than this.
const (
	reconcileInterval        = 500 * time.Millisecond
	longestReconcileInterval = 30 * time.Second
)

// Reconcile reads the cgroups, the containers and their inits again whenever something may have been missed, until ctx
// is done.
func (f *Finder) Reconcile(ctx context.Context, probes Probes) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.cfg.Doubts:
		}
		began := f.cfg.Now()
		if err := f.reconcile(ctx, probes); err != nil && ctx.Err() == nil {
			f.cfg.Log.Warn("read the cgroups again, after events were lost", "error", err)
		}
		if !collect.Pause(ctx, collect.Backoff(f.cfg.Now().Sub(began), reconcileInterval, longestReconcileInterval)) {
			return
		}
	}
}

func (f *Finder) reconcile(ctx context.Context, probes Probes) error {
	f.cfg.Loop.BeginComparison()
	cgroups, err := f.walk(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// What could not be read may hold what is known.
	complete := err == nil
	if !complete {
		f.cfg.Log.Debug("not all cgroups could be read again", "error", err)
	}
	// What happened while the cgroups were read is reported by now.
	if !probes.Sync(ctx) {
		return nil
	}
	host := make([]container.Cgroup, len(cgroups))
	for i, c := range cgroups {
		host[i] = c.Cgroup
	}
	unread := f.cfg.Loop.Compare(host, complete)
	limits := slices.DeleteFunc(f.readLimits(unread), func(c CgroupLimits) bool { return c.Limits == nil })
	if len(limits) > 0 {
		f.cfg.Loop.LimitsRead(limits)
	}
	return f.newPass(probes).admitChanged(ctx, cgroups)
}

// admitChanged is admitAll for the containers whose inits are not what they are known to be.
func (p *pass) admitChanged(ctx context.Context, cgroups []Cgroup) error {
	var failed error
	for _, c := range cgroups {
		if !c.isRoot() {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		changed, err := p.changed(ctx, c)
		if changed {
			err = p.admit(c)
		}
		failed = errors.Join(failed, err) // the others are looked at all the same
	}
	return failed
}

// changed finds out whether a container's init is not what it is known to be, and reports one that is gone.
func (p *pass) changed(ctx context.Context, root Cgroup) (bool, error) {
	state := p.cfg.Loop.State(root.Ref)
	switch {
	case state.Ended != 0: // what was made before that is left over, and is no container
		c, err := p.container(root, p.host)
		if err != nil {
			return false, lookError(root, err)
		}
		return c != nil && !c.Starting && c.MadeNS > state.EndedNS, nil
	case state.Init != 0:
		if !p.cfg.HostPIDs || p.lives(state) {
			return false, nil
		}
		// Its end may be in a ring.
		return p.probes.Sync(ctx) && p.cfg.Loop.InitGone(root.Ref, state.Init), nil
	}
	return true, nil
}

// lives reports whether a container's init still exists. A process that was made after its program began is another
// one with its PID.
func (f *Finder) lives(state container.State) bool {
	proc, err := f.cfg.Proc.Process(state.Init, f.cfg.Layout)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil || state.StartedNS == 0 {
		return true
	}
	return madeNS(proc) <= state.StartedNS
}
