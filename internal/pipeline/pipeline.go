package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/collect/find"
	"github.com/nsviz/nsviz/internal/collect/kills"
	"github.com/nsviz/nsviz/internal/collect/names"
	"github.com/nsviz/nsviz/internal/collect/ownmemory"
	"github.com/nsviz/nsviz/internal/collect/sample"
	"github.com/nsviz/nsviz/internal/collect/survey"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/namespaces"
	"github.com/nsviz/nsviz/internal/probes"
	"github.com/nsviz/nsviz/internal/store"
)

// Config says what to watch.
type Config struct {
	Roots host.Roots
	// Engine is asked for names, and says what it does.
	Engine engine.Engine
	// ProbeMethods, where there are any, are the only ones by which the kernel may be hooked.
	ProbeMethods []fact.Method
	// NoCommandLines leaves the command lines of OOM victims, which may hold secrets, out of everything.
	NoCommandLines bool
	// The sizes of the rings; 0 is the default of probes.Config.
	EventsRingBytes, LifecycleRingBytes, UrgentRingBytes uint32
	// LimitMemory is called with the lowest limit on memory, in bytes, that holds for nsviz itself, where there is one, and whenever
	// that changes, with nil where it is gone. A nil LimitMemory is for those who do not care.
	LimitMemory func(lowest *uint64)
	Log         *slog.Logger
	// Sinks are called with every fact, in order, by the loop's goroutine. They must not block: package sink decouples a
	// file or a pipe.
	Sinks []func(fact.Fact)
}

// The rhythm of what is read and not told; where it takes long it is read less often, down to the longest one.
const (
	// A consumer looks if its requests are at most watchInterval apart, as a screen's are and a scraper's are not. Requests
	// within onceInterval count as one.
	watchInterval = 2500 * time.Millisecond // which full snapshots, two seconds apart at most, are, too
	onceInterval  = 100 * time.Millisecond
	// namesPatience is how long the first events wait for the engine's list of names.
	namesPatience = 200 * time.Millisecond
)

// Pipeline ties kernel, engine and model together.
type Pipeline struct {
	cfg    Config
	now    func() time.Time
	fs     *host.FS
	layout cgroupfs.Layout
	own    event.NamespaceIDs
	// self is nsviz's own PID in procfs; hostPIDs is whether procfs counts as the host does.
	self     int32
	hostPIDs bool
	// sight is how much of the processes nsviz may look into.
	sight procfs.Sight
	// memory is for one goroutine at a time; saving is the fact.Saving that it is at.
	memory *ownmemory.Monitor
	saving atomic.Int32

	// directory may be used by any goroutine.
	directory *container.Directory

	// For the loop's goroutine alone.
	tracker    *container.Tracker
	namespaces *namespaces.Table
	// until is up to when all events have been taken in, by their clock.
	until time.Time
	// unread are the cgroups that were discovered and whose limits have not been read.
	unread []find.Cgroup

	// doubts is signalled where the host may have cgroups, containers or inits that nobody knows of.
	doubts chan struct{}
	// finder is for the goroutine that watches, but for what resolve asks.
	finder *find.Finder
	// wake is signalled where the sampler may wait for longer than it should.
	wake chan struct{}
	// domains reads what the memory of the OOM kills of the current batch was made of.
	domains   kills.Domains
	questions *names.Questions

	// inputs carries what the other goroutines have read.
	inputs chan message

	live     *store.Live
	audience audience
	attached chan struct{} // closed when the probes are attached and the host is read
}

// New prepares a pipeline: it looks at the host, and attaches nothing yet. The snapshot tells of the
// host from here on.
func New(cfg Config) (*Pipeline, error) {
	p := &Pipeline{
		cfg: cfg, now: time.Now,
		directory:  container.NewDirectory(names.Remembered),
		namespaces: namespaces.New(),
		inputs:     make(chan message),
		doubts:     make(chan struct{}, 1),
		wake:       make(chan struct{}, 1),
		live:       store.NewLive(model.DefaultLimits()),
		audience:   audience{always: len(cfg.Sinks) > 0},
		attached:   make(chan struct{}),
	}
	p.tracker = container.NewTracker(p.directory, p.resolve)
	p.questions = names.NewQuestions(cfg.Engine, p.directory, p.now)
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
	p.tell(fact.Fact{Host: &host})
	p.finder = p.newFinder()
	p.memory = ownmemory.New(ownmemory.Config{
		Cgroups: p.fs.Cgroups, Layout: p.layout, Self: p.self, LimitRuntime: cfg.LimitMemory, Log: cfg.Log, Loop: ownMemoryLoop{p},
	})
	if m := p.memory.Check(); m != nil {
		ownMemoryChanged(*m).handle(p) // nobody else is at work yet
	}
	return p, nil
}

func (p *Pipeline) host() (fact.Host, error) {
	h, err := p.fs.Machine.Read()
	if err != nil {
		p.cfg.Log.Warn("some facts about the host are unknown", "error", err)
	}
	namespaces, from, err := p.fs.NS.OfHost()
	if err != nil {
		p.cfg.Log.Warn("the host's own namespaces are not all known", "error", err)
	}
	p.cfg.Log.Debug("the host's namespaces", "from", from)
	if p.self, err = p.fs.Proc.Self(); err != nil {
		return fact.Host{}, err
	}
	if p.own, err = p.fs.NS.Of(p.self); err != nil {
		return fact.Host{}, fmt.Errorf("read nsviz's own namespaces: %w", err)
	}
	if p.hostPIDs, err = p.fs.NS.HostPIDs(); err != nil {
		return fact.Host{}, err
	}
	if p.sight, err = p.fs.Proc.Sight(); err != nil {
		return fact.Host{}, err
	}
	notes := slices.Clone(p.layout.Notes)
	if !p.hostPIDs {
		notes = append(notes, noteForeignPIDs)
	}
	p.warn(notes...)
	// These are warned of where they matter.
	for _, note := range []string{noteUnseen(p.sight), noteUnfound(p.sight)} {
		if note != "" {
			notes = append(notes, note)
		}
	}
	return fact.Host{
		Name: h.Name, Kernel: h.Kernel, CgroupVersion: string(p.layout.Version), Namespaces: namespaces,
		MemoryBytes: h.MemoryBytes, CPUs: h.CPUs, Notes: notes,
	}, nil
}

// noteForeignPIDs says what a PID namespace of its own hides from nsviz.
const noteForeignPIDs = "/proc shows only the processes of nsviz's own PID namespace, so of containers that ran before nsviz " +
	"the processes stay unknown, and who is in which namespace: run nsviz on the host, or start its container with --pid=host"

// noteUnseen says which processes nsviz may not look into, where these are most of them.
func noteUnseen(s procfs.Sight) string {
	const means = "; their namespaces, and virtual machines among them, stay unknown: run nsviz as root, or with CAP_SYS_PTRACE"
	switch {
	case s.Hidden:
		return "/proc hides the processes of other users (hidepid), and CAP_SYS_PTRACE is missing" + means
	case s.Refused > 0 && !s.MayTrace:
		return fmt.Sprintf("nsviz may not look into %d of %d processes, because CAP_SYS_PTRACE is missing%s", s.Refused, s.Processes, means)
	}
	return ""
}

// noteUnfound says what becomes of a lost event where nsviz may not look up a cgroup by its number.
func noteUnfound(s procfs.Sight) string {
	if s.MayOpenByID {
		return ""
	}
	return "CAP_DAC_READ_SEARCH is missing, so a container whose creation event is lost is found only when the cgroup tree is read the next time"
}

// warn logs the notes that there are.
func (p *Pipeline) warn(notes ...string) {
	for _, note := range notes {
		if note != "" {
			p.cfg.Log.Warn(note)
		}
	}
}

// Run watches until ctx is done, and then delivers what is left. It fails where the host allows no
// probes (probes.ErrNotPermitted, probes.ErrNotSupported) or where reading them fails.
func (p *Pipeline) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
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
	produce(p.followEngine)
	produce(p.watch)
	go func() {
		producers.Wait()
		close(p.inputs)
	}()
	for m := range p.inputs {
		m.handle(p)
	}
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

	var readers sync.WaitGroup
	defer readers.Wait()
	readers.Go(func() { sample.Run(ctx, p.sampling()) })
	readers.Go(func() { p.memory.Run(ctx) })
	readers.Go(func() { follower.Run(ctx) })
	if p.hostPIDs { // else hardly any namespace would be found, and taken for freed
		readers.Go(func() { survey.Run(ctx, p.surveying(kernel.Sockets(), p.newSurveyLoop(kernel))) })
	}
	readers.Go(func() { p.finder.Reconcile(ctx, kernel) })
	commandLines := p.commandLines()
	return kernel.Run(ctx, func(b probes.Batch) {
		commandLines.Complete(b.Events)
		p.send(batch(b))
	})
}

func (p *Pipeline) awaitNames(ctx context.Context) {
	patience := time.NewTimer(namesPatience)
	defer patience.Stop()
	select {
	case <-p.cfg.Engine.Synced():
	case <-patience.C:
	case <-ctx.Done():
	}
}

// learned lists how each kind of fact is learned: by the kernel's probes, and the watch of writes.
func learned(choices []probes.Choice, writes fact.Probe) []fact.Probe {
	list := make([]fact.Probe, len(choices), len(choices)+1)
	for i, c := range choices {
		list[i] = c.Probe
	}
	return append(list, writes)
}

// batch is what the probes have read.
type batch probes.Batch

// handle attributes the events and applies them.
func (b batch) handle(p *Pipeline) {
	p.until = b.Until
	p.domains.NextBatch()
	for _, e := range p.namespaces.Complete(b.Events) {
		p.takeEvent(e)
	}
	if b.Errors != nil {
		p.tell(fact.Fact{BPFErrors: b.Errors})
		p.doubt() // what the programs could not remember may be a start or an end
		p.namespaces.ChangesLost()
	}
}

func (p *Pipeline) takeEvent(e event.Event) {
	belongs := p.tracker.Attribute(&e)
	p.takeDiscovered(e.Time)
	if !belongs {
		return
	}
	e.Self = p.isSelf(&e)
	p.questions.AskNames(&e)
	switch e.Type {
	case event.OOMKill:
		p.domains.Complete(&e)
	case event.CgroupRemoved:
		if p.tracker.NeverRan(e.Cgroup.ID) {
			p.questions.AskStart(e.Cgroup.Container)
		}
	case event.EventsLost:
		p.doubt()
	}
	p.tellEvent(e)
}

// isSelf reports whether an nsviz did something: this one or, of what `nsviz inspect` does, another one of the host.
func (p *Pipeline) isSelf(e *event.Event) bool {
	if p.hostPIDs && e.PID == p.self {
		return true
	}
	return e.Comm == nsfs.LookingThread && e.Container == nil && !e.ContainerUnknown &&
		e.Type == event.NamespaceJoined && e.Namespace.Type == event.UTS
}

func (p *Pipeline) tellEvent(e event.Event) {
	f := fact.Fact{Time: e.Time, BootNS: e.BootNS, Event: &e}
	if f.BootNS == 0 {
		f.BootNS = p.bootAt(e.Time)
	}
	e.Time = fact.Plain(e.Time)
	e.BootNS = 0 // the fact has it
	if e.Exit != nil && e.Exit.EarlierSignal != nil {
		e.Exit.EarlierSignal.Time = fact.Plain(e.Exit.EarlierSignal.Time)
	}
	p.tell(f)
}

// bootAt returns a recent time by the kernel's clock. If t was read in this process, setting the wall clock since then makes
// no difference.
func (p *Pipeline) bootAt(t time.Time) uint64 {
	return probes.BootNow() - uint64(p.now().Sub(t))
}

// tell applies a fact to the model and passes it on to the sinks.
func (p *Pipeline) tell(f fact.Fact) {
	if f.Time.IsZero() {
		f.Time = p.now()
	}
	if f.BootNS == 0 {
		f.BootNS = p.bootAt(f.Time)
	}
	f.Time = fact.Plain(f.Time)
	p.live.Apply(f, p.now())
	if hurries(f) {
		p.wakeSampler()
	}
	for _, sink := range p.cfg.Sinks {
		sink(f)
	}
}

// hurries reports whether a fact is a reason to read soon what containers use: there is another one, one has lost a process to
// the OOM killer, or that was perhaps not reported.
func hurries(f fact.Fact) bool {
	if f.Event == nil {
		return f.Found != nil
	}
	switch f.Event.Type {
	case event.ContainerStarted, event.OOMKill, event.EventsLost:
		return true
	case event.CgroupCreated:
		return f.Event.Cgroup.Container != nil
	}
	return false
}

// lookedAt notes that somebody looks, and applies what time it is if nothing else was applied for long.
func (p *Pipeline) lookedAt() {
	now := p.now()
	if p.audience.look(now) {
		p.wakeSampler()
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

// Attached is closed when everything that happens is seen.
func (p *Pipeline) Attached() <-chan struct{} { return p.attached }
