package find

import (
	"context"
	"log/slog"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/machine"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
)

// Config says where to look.
type Config struct {
	Machine *machine.Reader
	Proc    *procfs.Reader
	NS      *nsfs.Reader
	Mounts  *mountinfo.Reader
	Layout  cgroupfs.Layout
	// OwnMnt is the mount namespace of nsviz, Self its PID in procfs.
	OwnMnt uint64
	Self   int32
	// HostPIDs is whether procfs counts processes as the host does.
	HostPIDs bool
	// Inits asks the engines as [engine.Engine] has it. It asks none that it would have to wait for.
	Inits func(ctx context.Context, known func(id string) bool) (map[string]engine.Init, error)
	// UsersInits asks those that are users' own.
	UsersInits func(ctx context.Context, known func(user uint32, id string) bool) []UsersInit
	// UsersStarts is signalled where a user may have started a container that has no cgroup of its own.
	UsersStarts <-chan struct{}
	// UsersDue is signalled where it is time to look for those anyway.
	UsersDue <-chan struct{}
	// Doubts is signalled where the host may have cgroups, containers or inits that the loop does not know.
	Doubts <-chan struct{}
	Now    func() time.Time
	Log    *slog.Logger
	Loop   Loop
}

// Loop is the owner of what is known. It takes what is found, in order, and says what it knows.
type Loop interface {
	// CgroupsFound takes the cgroups that exist, parents before children.
	CgroupsFound([]Cgroup)
	// ContainerFound takes a container that runs or is about to.
	ContainerFound(Container)
	// LimitsRead takes the limits of cgroups that it has been given or has discovered.
	LimitsRead([]CgroupLimits)
	// BeginComparison begins a reading of all cgroups: a cgroup that becomes known from then on may be younger than the reading.
	BeginComparison()
	// Compare compares the known cgroups with those of the reading that BeginComparison began. Events up to its end must have been
	// handed over. complete reports whether all could be read: else none counts as gone. It returns the discovered cgroups whose limits
	// have not been read.
	Compare(host []container.Cgroup, complete bool) (unread []Cgroup)
	// State returns what is known of a container's first process.
	State(*container.Ref) container.State
	// InitGone handles that a container's first process is gone without an event. It returns false if an event has reported
	// that, or if another process is the container's first by now.
	InitGone(ref *container.Ref, init int32) bool
	// OfUsers returns what is known of users' containers, as [container.Tracker.OfUsers] has it.
	OfUsers() (cgroupless []container.Cgroupless, ids map[string]bool)
	// UsersLooked handles that a look for users' containers has ended, which began at that time.
	UsersLooked(began time.Time)
}

// Probes report what becomes of a container that was found. Package probes has the meaning of each method.
type Probes interface {
	Expect(cgroupID uint64) error
	Follow(pid int32, cgroupID uint64) error
	Unfollow(pid int32) error
	Sync(ctx context.Context) bool
}

// Container is a container that was found.
type Container struct {
	Ref *container.Ref
	// Found has no names yet: of containers it has the ids alone.
	fact.Found

	// At is when Found.OOMKills was the kernel's count.
	At time.Time
	// MadeNS is when its PID 1 was made, in nanoseconds since boot; 0 is unknown.
	MadeNS uint64
	// Ran is whether its program ran before execs were hooked.
	Ran bool
	// Seen is when it was seen to run.
	Seen time.Time
}

// Finder finds containers. Resolve may be called by any goroutine, the other methods by one goroutine at a time.
type Finder struct {
	cfg    Config
	parser *container.Parser
	// early are the containers that ran before execs were hooked, by their cgroup; until Start has returned.
	early map[uint64]*Container
}

// New returns a finder.
func New(cfg Config) *Finder { return &Finder{cfg: cfg, parser: container.NewParser()} }

// Early reads which containers run before execs are hooked: no exec that is reported later is their start. What
// starts and ends while the other programs are attached is reported by the number of its cgroup alone, so the loop gets all cgroups.
func (f *Finder) Early() error {
	f.early = map[uint64]*Container{}
	cgroups, err := f.walk(context.Background())
	if err != nil {
		return err
	}
	f.cfg.Loop.CgroupsFound(cgroups)
	host := f.readHost()
	for _, c := range cgroups {
		if !c.isRoot() {
			continue
		}
		found, err := f.container(c, host)
		if err != nil {
			return lookError(c, err)
		}
		if found != nil && found.InitPID != 0 {
			found.Ran = true
			f.early[c.ID] = found
		}
	}
	return nil
}

// Start finds the cgroups that were there before the probes and the containers in them, and has the probes follow these.
func (f *Finder) Start(ctx context.Context, probes Probes) error {
	defer func() { f.early = nil }()
	// At the end of ctx what has happened until then is read from the rings all the same, so this ends as ever.
	cgroups, err := f.walk(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	f.cfg.Loop.CgroupsFound(cgroups)
	limits := f.readLimits(cgroups)
	p := f.newPass(probes)
	for _, err := range []error{p.admitAll(cgroups), p.admitOutside(ctx)} {
		if err != nil { // the others have been found
			f.cfg.Log.Warn("look for containers", "error", err)
		}
	}
	f.cfg.Loop.LimitsRead(limits)
	return nil
}

// Once finds the containers that run, where there are no probes.
func (f *Finder) Once(ctx context.Context) error {
	cgroups, err := f.walk(ctx)
	if err != nil {
		return err
	}
	f.cfg.Loop.CgroupsFound(cgroups)
	p := f.newPass(nil)
	if err := p.admitAll(cgroups); err != nil {
		return err
	}
	if err := p.admitOutside(ctx); err != nil {
		return err
	}
	return p.admitUsers(ctx)
}
