package limits

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/pause"
)

// Loop takes what is reported. It knows which cgroups there are, and how containers are called.
type Loop interface {
	// Knows reports whether the cgroup with an id is known.
	Knows(id uint64) bool
	// Sync returns when the loop has handled all that has happened so far, or when ctx is done.
	Sync(ctx context.Context)
	// WatchChanged takes the status of the watch after a change.
	WatchChanged(fact.Probe)
	// Written takes one write after the other.
	Written(Write)
}

// Write reports a write to limits of a cgroup or to its freezer, or that a process was moved into it.
type Write struct {
	Time time.Time
	// ID is the id of the cgroup in the tracked hierarchy.
	ID   uint64
	Path string
	// Writers holds who wrote; empty is unknown. If there are several, one of them wrote what was read.
	Writers []Writer
	// Limits are the values after that of those that were written to, and Freezer is what came of a write to the freezer. Both
	// are nil where a process was moved.
	Limits  *fact.CgroupLimits
	Freezer *Freezer
	// After is set where writes may have been missed since then, so that all limits were read.
	After time.Time
}

// Freezer is the state of a cgroup's freezer.
type Freezer struct {
	Frozen bool
	// Still are the topmost cgroups below that stay frozen by files of their own.
	Still []string
}

// Writer is a process that wrote.
type Writer struct {
	Process event.Process // without its container
	// CgroupPath is the path of its cgroup in the tracked hierarchy; "" is unknown.
	CgroupPath string
}

// Config says what to follow.
type Config struct {
	Proc    *procfs.Reader
	Cgroups *cgroupfs.Reader
	Layout  cgroupfs.Layout
	// HostPIDs is whether Proc counts processes as the host does. If not, writers are reported without their PIDs.
	HostPIDs bool
	Now      func() time.Time
	Log      *slog.Logger
	Loop     Loop
}

// Follower reports who writes to cgroups. It is for one goroutine at a time.
type Follower struct {
	cfg      Config
	open     func() (watch, error)
	watch    watch                  // nil where it could not be opened or has failed
	err      error                  // why there is no watch
	minPause time.Duration          // before the watch is opened again
	recent   map[int32]recentWriter // by PID
}

// Open begins to watch: Run reports the writes from here on. Where that is not possible, Status says why.
func Open(c Config) *Follower {
	f := newFollower(c)
	f.watch, f.err = f.open()
	return f
}

func newFollower(c Config) *Follower {
	f := &Follower{cfg: c, minPause: minReopenPause, recent: map[int32]recentWriter{}}
	f.open = f.openWatch
	return f
}

// Status returns how writes are watched.
func (f *Follower) Status() fact.Probe { return status(f.watch, f.err) }

// Close ends the watch.
func (f *Follower) Close() {
	if f.watch != nil {
		f.watch.Close()
	}
}

// The pause before the watch is opened again doubles from one to the other.
const (
	minReopenPause = 250 * time.Millisecond
	maxReopenPause = 30 * time.Second
)

// Run reports what is written to cgroups, until ctx is done. Without a watch a change of a container's limits is found
// when they are read the next time, and nobody knows who made it; so it is opened again and again, and then all limits
// are read.
func (f *Follower) Run(ctx context.Context) {
	lostSince := f.cfg.Now()
	for pauses := pause.NewDoubling(f.minPause, maxReopenPause); ; {
		if f.watch != nil {
			opened := f.cfg.Now()
			err := f.follow(ctx)
			f.watch.Close()
			lostSince = f.cfg.Now()
			if ctx.Err() != nil {
				return
			}
			f.watch, f.err = nil, err
			f.cfg.Log.Warn("who changes limits is not known for now", "error", err)
			f.cfg.Loop.WatchChanged(f.Status())
			if lostSince.Sub(opened) > maxReopenPause {
				pauses.Reset()
			}
		} else if !temporary(f.err) {
			return
		}
		if !collect.Pause(ctx, pauses.Next()) {
			return
		}
		f.watch, f.err = f.open()
		f.cfg.Loop.WatchChanged(f.Status())
		if f.err == nil {
			f.readAll(ctx, lostSince)
		}
	}
}

// maxBudget bounds the CPU time that writes may take at once, some hundreds of them. Whoever writes again and again
// has no more than the share of one CPU that the backoff leaves; what the kernel cannot queue meanwhile is lost, and read.
const maxBudget = 100 * time.Millisecond

// follow reports writes until the watch fails or ctx is done.
func (f *Follower) follow(ctx context.Context) error {
	w := f.watch
	defer context.AfterFunc(ctx, w.Close)()
	runtime.LockOSThread() // whose time is measured
	defer runtime.UnlockOSThread()
	budget, since := maxBudget, f.cfg.Now()
	var left []cgroupfs.Write
	for {
		list, lost := left, false
		if len(list) == 0 {
			var err error
			if list, lost, err = w.Next(); err != nil {
				return err
			}
		}
		began, worked := f.cfg.Now(), threadTime()
		var lostMore bool
		var err error
		if left, lostMore, err = f.handle(ctx, list, w.Pending); err != nil {
			return err
		}
		if lost || lostMore {
			f.cfg.Log.Info("limits of cgroups were changed faster than the kernel could report; by whom some were is not known")
			f.readAll(ctx, time.Time{})
		}
		budget = min(budget+began.Sub(since)/collect.BackoffFactor, maxBudget) - (threadTime() - worked)
		if since = f.cfg.Now(); budget < 0 && !collect.Pause(ctx, -budget*collect.BackoffFactor) {
			return ctx.Err()
		}
	}
}

// threadTime returns how long the present thread has had a CPU. What a goroutine waits for is no work of its own: neither for a
// loop that is held up, nor for a CPU that others use.
func threadTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) // which has been there since Linux 2.6
	return time.Duration(ts.Nano())
}

// readAll reads the limits and freezers of all cgroups: what has changed is reported, by whom is not known. since is from when
// on writes may have been missed; zero is a moment ago.
func (f *Follower) readAll(ctx context.Context, since time.Time) {
	var still []string // the topmost cgroups that are frozen
	known := false     // whether any has a freezer
	err := f.cfg.Layout.Walk(func(c cgroupfs.Cgroup) error {
		at := f.cfg.Now()
		if limits, err := resources.In(f.cfg.Layout).Limits(c.Path); err == nil {
			f.report(ctx, Write{Time: at, Path: c.Path, Limits: limits, After: since}, nil)
		}
		frozen, err := resources.In(f.cfg.Layout).Frozen(c.Path)
		if err == nil && frozen != nil {
			known = true
			if within := len(still) > 0 && isBelow(c.Path, still[len(still)-1]); *frozen && !within {
				still = append(still, c.Path)
			}
		}
		return nil
	})
	if err != nil {
		f.cfg.Log.Debug("read the limits of all cgroups", "error", err)
	}
	if top := f.cfg.Layout.Top(); known && !slices.Contains(still, top) {
		f.report(ctx, Write{Time: f.cfg.Now(), Path: top, Freezer: &Freezer{Still: still}, After: since}, nil)
	}
}

// isBelow reports whether a cgroup is below another one.
func isBelow(path, above string) bool {
	return strings.HasPrefix(path, strings.TrimSuffix(above, "/")+"/")
}
