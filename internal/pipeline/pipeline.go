package pipeline

import (
	"context"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/collect/kills"
	"github.com/nsviz/nsviz/internal/collect/ownmemory"
	"github.com/nsviz/nsviz/internal/collect/sample"
	"github.com/nsviz/nsviz/internal/collect/survey"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/probes"
	"github.com/nsviz/nsviz/internal/store"
)

// Config says what to watch.
type Config struct {
	Roots host.Roots
	// Engines are asked for names, and say what they do.
	Engines []engine.Engine
	// FindEngines returns the other engines that are there at the time, as [names.EnginesConfig] has it; nil is none.
	FindEngines func() []engine.Engine
	// Labels are the keys of the engines' labels that are kept; by default none is.
	Labels []string
	// ProbeMethods, where there are any, are the only ones by which the kernel may be hooked.
	ProbeMethods []fact.Method
	// NoCommandLines leaves the command lines of OOM victims, which may hold secrets, out of everything.
	NoCommandLines bool
	// The sizes of the rings; 0 is the default of probes.Config.
	EventsRingBytes, LifecycleRingBytes, UrgentRingBytes uint32
	// SurveyInterval is the shortest pause between two surveys; 0 is 3 s.
	SurveyInterval time.Duration
	// LimitMemory is called with the lowest limit on memory, in bytes, that holds for nsviz itself, where there is one, and whenever
	// that changes, with nil where it is gone. A nil LimitMemory is for those who do not care.
	LimitMemory func(lowest *uint64)
	// Past keeps the past of the model; nil keeps none.
	Past *store.Timeline
	Log  *slog.Logger
	// Mishaps keeps a mistake about one container or process from ending nsviz, where others do not depend on it; nil does not.
	Mishaps *mishap.Counter
	// Sinks are called with every fact, in order, by the loop's goroutine. They must not block: package sink decouples a
	// file or a pipe.
	Sinks []func(fact.Fact)
	// Quiet are called as Sinks are, and are no reason to read more of the host than is read without them.
	Quiet []func(fact.Fact)
}

// The rhythm of what is read and not told; where it takes long it is read less often, down to the longest one.
const (
	// A consumer looks if its requests are at most watchInterval apart, as a screen's are and a scraper's are not. Requests
	// within onceInterval count as one.
	watchInterval = 4 * time.Second // which full snapshots, two seconds apart at most, are, too
	onceInterval  = 100 * time.Millisecond
	// namesPatience is how long the first events wait for the engines' lists of names.
	namesPatience = 200 * time.Millisecond
)

// Pipeline ties kernel, engines and model together.
type Pipeline struct {
	*loop

	cfg Config
	fs  *host.FS
	own event.NamespaceIDs
	// hostNamespaces are the host's; zero where procfs does not count as the host does.
	hostNamespaces event.NamespaceIDs
	// sight is how much of the processes nsviz may look into.
	sight procfs.Sight
	// memory is for one goroutine at a time.
	memory   *ownmemory.Monitor
	audience audience
	attached chan struct{} // closed when the probes are attached and the host is read
	syncs    chan chan<- struct{}
	pulse    pulse
	pulses   chan func() // what is to be called when a question of pulse has its answer
}

// New prepares a pipeline: it looks at the host, and attaches nothing yet. From here on the snapshot describes the host.
func New(cfg Config) (*Pipeline, error) {
	p := &Pipeline{
		loop: newLoop(cfg.Log, slices.Concat(cfg.Sinks, cfg.Quiet), cfg.Labels...), cfg: cfg,
		audience: audience{always: len(cfg.Sinks) > 0}, attached: make(chan struct{}), syncs: make(chan chan<- struct{}), pulses: make(chan func(), 1),
	}
	if cfg.Past != nil {
		p.live = store.NewLiveWithPast(model.DefaultLimits(), cfg.Past)
	}
	p.tracker = container.NewTracker(p.directory, p.resolve)
	var err error
	if p.fs, err = host.Open(cfg.Roots); err != nil {
		return nil, err
	}
	if p.layout, err = p.fs.Cgroups.Layout(); err != nil {
		return nil, err
	}
	p.domains = kills.NewDomains(p.killFiles())
	host, err := p.host()
	if err != nil {
		return nil, err
	}
	p.apply(fact.Fact{Host: &host})
	if p.hostPIDs {
		p.hostNamespaces = host.Namespaces
		p.tracker.SetHost(host.Namespaces)
	}
	p.followEngines()
	p.finder = p.newFinder()
	p.memory = ownmemory.New(ownmemory.Config{
		Cgroups: p.fs.Cgroups, Layout: p.layout, Self: p.self, LimitRuntime: cfg.LimitMemory, Log: cfg.Log, Loop: ownMemoryLoop{p.loop},
	})
	if m := p.memory.Check(); m != nil {
		ownMemoryChanged(*m).handle(p.loop) // nobody else is at work yet
	}
	return p, nil
}

// Run watches until ctx is done, and then delivers what is left. It fails where the host allows no
// probes (probes.ErrNotPermitted, probes.ErrNotSupported) or where reading them fails.
func (p *Pipeline) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var err error
	if p.namespaceNames, err = p.fs.NS.OpenNames(); err != nil {
		p.cfg.Log.Warn("the names that ip netns gives stay unknown", "error", err)
	}
	defer p.namespaceNames.Close()
	var producers sync.WaitGroup
	var once sync.Once
	var failed error
	produce := func(f func(context.Context) error) {
		producers.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				once.Do(func() { failed = err })
				cancel()
			}
		})
	}
	produce(p.engines.Run)
	produce(p.watch)
	if p.cfg.Past != nil {
		produce(p.cfg.Past.Run)
	}
	go func() {
		producers.Wait()
		close(p.inputs)
	}()
	p.run()
	return failed
}

// watch attaches the probes, takes in what was there before them, and then reads.
func (p *Pipeline) watch(ctx context.Context) error {
	var inCall func(tid int32) bool
	if p.hostPIDs {
		inCall = p.fs.NS.InNamespaceCall
	}
	kernel, err := probes.Open(probes.Config{
		Hierarchy: p.layout.HierarchyID, Unified: p.layout.Controller == "", OwnMntNamespace: p.own[event.Mnt],
		Clock: probes.HostClock, Methods: p.cfg.ProbeMethods, EventsRingBytes: p.cfg.EventsRingBytes,
		LifecycleRingBytes: p.cfg.LifecycleRingBytes, UrgentRingBytes: p.cfg.UrgentRingBytes, CgroupsWatched: p.finder.Early,
		NoCommandLines: p.cfg.NoCommandLines, InNamespaceCall: inCall,
	})
	if err != nil {
		return err
	}
	defer func() {
		if err := kernel.Close(); err != nil {
			p.cfg.Log.Warn("detach the probes", "error", err)
		}
	}()
	follower := p.watchLimits(kernel)
	defer follower.Close()
	p.warn(noteUnseen(p.sight), noteUnfound(p.sight))
	list := learned(kernel.Choices(), follower.Status())
	for _, s := range list {
		if !s.Works() {
			p.cfg.Log.Info("the kernel does not tell everything here", "missing", s.Name, "reason", s.Reason)
		}
	}
	p.send(report{Probes: list})
	if ctx.Err() != nil {
		return nil
	}

	// What happens from here on is in the rings or in the queue of writes and is read after the scan: without a
	// gap, and what is both there and in the scan does no harm.
	p.awaitNames(ctx)
	if err := p.finder.Start(ctx, kernel); err != nil {
		return err
	}
	if err := kernel.Settled(); err != nil {
		return err
	}
	close(p.attached)
	// Attaching has decoded the kernel's type information, some 5 MiB, which nobody needs any more.
	debug.FreeOSMemory()

	others := []func(context.Context){
		func(ctx context.Context) { sample.Run(ctx, p.sampling()) }, p.memory.Run, follower.Run,
		func(ctx context.Context) { p.finder.Reconcile(ctx, kernel) },
		func(ctx context.Context) { p.synchronise(ctx, kernel) }, p.answerPulses,
		func(ctx context.Context) { p.newFinder().FollowUsers(ctx, kernel) },
	}
	if p.hostPIDs { // else hardly any namespace would be found, and taken for freed
		others = append(others, func(ctx context.Context) { survey.Run(ctx, p.surveying(kernel.Sockets(), p.newSurveyLoop(kernel))) })
	}
	commandLines := p.commandLines()
	return together(ctx, func(ctx context.Context) error {
		return kernel.Run(ctx, func(b probes.Batch) {
			commandLines.Complete(b.Events)
			p.send(batch(b))
		})
	}, others...)
}

// together runs one reader beside others, which end when it does: what they read says nothing without it.
func together(ctx context.Context, read func(context.Context) error, others ...func(context.Context)) error {
	ctx, cancel := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	for _, other := range others {
		readers.Go(func() { other(ctx) })
	}
	return read(ctx)
}

func (p *Pipeline) awaitNames(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, namesPatience)
	defer cancel()
	p.engines.AwaitSynced(ctx)
}

// learned lists how each kind of fact is learned: by the kernel's probes, and the watch of writes.
func learned(choices []probes.Choice, writes fact.Probe) []fact.Probe {
	list := make([]fact.Probe, len(choices), len(choices)+1)
	for i, c := range choices {
		list[i] = c.Probe
	}
	return append(list, writes)
}

// lookedAt notes that somebody looks, and applies what time it is if nothing else was applied for long.
func (p *Pipeline) lookedAt() {
	now := p.now()
	if p.audience.look(now) {
		p.wake.raise()
	}
	// Where there are sinks, each fact is theirs, too, and the sampler says what time it is.
	if len(p.cfg.Sinks) == 0 {
		p.live.Refresh(fact.Fact{Time: fact.Plain(now), BootNS: p.bootAt(now)}, now, sample.Interval)
	}
}

// Snapshot returns the model as it is now.
func (p *Pipeline) Snapshot() *model.Snapshot {
	p.lookedAt()
	return p.live.Snapshot()
}

// Peek returns the model as it was at the latest fact. Unlike Snapshot it does not count as somebody who watches.
func (p *Pipeline) Peek() *model.Snapshot { return p.live.Snapshot() }

// Full returns the model as it is now, with every ended container that is kept.
func (p *Pipeline) Full() *model.Snapshot {
	p.lookedAt()
	return p.live.Full()
}

// Resync returns facts that describe what exists, for a recording that missed some.
func (p *Pipeline) Resync() []fact.Fact {
	list := p.live.Resync()
	now := p.now()
	boot := p.bootAt(now)
	for i := range list {
		list[i].Time, list[i].BootNS = fact.Plain(now), boot
	}
	return list
}

// Changed is signalled after changes of the model.
func (p *Pipeline) Changed() <-chan struct{} { return p.live.Changed() }

// Urgent is signalled after changes that should be seen at once, also by Changed.
func (p *Pipeline) Urgent() <-chan struct{} { return p.live.Urgent() }

// Attached is closed when everything that happens is seen.
func (p *Pipeline) Attached() <-chan struct{} { return p.attached }
