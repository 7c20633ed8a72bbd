package ondisk

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/internal/mishap"
)

const (
	// Whoever makes cgroups that look like a container's has nsviz ask about each: so many a second are answered, so many at once.
	answersPerSecond = 200
	answersAtOnce    = 512
	// The processes are read again no earlier than scanPause after the last time, or so many times as long as that took. All users
	// together are to cost no more than the host.
	scanPause    = time.Second
	scanPatience = 24
	// refreshPause is the shortest time between two looks for more to watch.
	refreshPause = time.Second
	// maxPlaces bounds the places that are known of the host, maxUserPlaces those of a user, who can have any number of monitors.
	maxPlaces     = 128
	maxUserPlaces = 8
)

// Config says where to look.
type Config struct {
	// Proc is the procfs of the host.
	Proc pseudofs.Proc
	// User is the uid of the user whose own containers are looked for; 0 is the host's.
	User uint32
	Log  *slog.Logger // nil is silent
	// Mishaps keeps a mistake about some file from ending the process; nil does not.
	Mishaps *mishap.Counter
}

// A Source finds the names of containers. It implements [engine.Engine], for all runtimes that it knows. Of what happens
// to containers it reports podman's ends alone: files tell what is, and not what was done.
type Source struct {
	cfg     Config
	log     *slog.Logger
	proc    *procfs.Reader
	ns      *nsfs.Reader
	owner   uint32 // of the files and the processes
	asks    *asks
	ends    *ends
	synced  chan struct{}
	limiter *rate.Limiter
	// endScans bounds the scans for monitors of containers that have ended.
	endScans *rate.Limiter
	lanes    lanes
	lists    lists
	scanner  *scanner

	mu       sync.Mutex // guards what follows
	places   []place
	byID     map[string]monitor
	nextScan time.Time
}

// New returns a source that has not looked yet.
func New(c Config) *Source { return newSource(c, c.User) }

// newSource is New for files and processes of another owner.
func newSource(c Config, owner uint32) *Source {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	proc := procfs.New(c.Proc)
	return &Source{
		cfg: c, log: c.Log, proc: proc, ns: nsfs.New(c.Proc), scanner: &scanner{proc: proc}, owner: owner, asks: newAsks(), ends: newEnds(), synced: make(chan struct{}),
		limiter: rate.NewLimiter(answersPerSecond, answersAtOnce), endScans: rate.NewLimiter(endScansPerSecond, endScansAtOnce), places: defaults(c.User), lanes: lanes{mishaps: c.Mishaps},
	}
}

// Name implements [engine.Engine]: the containers are of any runtime.
func (s *Source) Name() string { return runtime.Unknown }

// Address implements [engine.Engine]: there is nothing to connect to.
func (s *Source) Address() string { return "" }

// User implements [engine.Engine].
func (s *Source) User() uint32 { return s.cfg.User }

// Synced implements [engine.Engine].
func (s *Source) Synced() <-chan struct{} { return s.synced }

// Ask implements [engine.Engine].
func (s *Source) Ask(id string) {
	if isID(id) {
		s.asks.add(id, true)
	}
}

// AskStart implements [engine.Engine]. No file says why a container did not start.
func (s *Source) AskStart(string) {}

// Run implements [engine.Engine].
func (s *Source) Run(ctx context.Context, sink engine.Sink) error {
	s.scan()
	refresh, stop := s.watch(ctx)
	defer stop()
	refresh()
	refreshed := time.Now()
	s.report(ctx, sink)
	close(s.synced)
	var missed []string // what a scan may still find
	var next <-chan time.Time
	var lookForEnds <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next:
			s.scanIfDue()
			for _, id := range missed {
				if identity, ok := s.identify(ctx, id); ok {
					sink.Identify(identity)
				}
			}
			missed, next = nil, nil
			continue
		case <-s.ends.wake:
			lookForEnds = time.After(0)
			continue
		case <-lookForEnds:
			if lookForEnds = nil; s.reportEnds(ctx, sink) {
				lookForEnds = time.After(endPause)
			}
			continue
		case <-s.asks.wake:
		}
		for id, thorough := range s.asks.take() {
			if s.limiter.Wait(ctx) != nil {
				return ctx.Err()
			}
			identity, ok := s.identify(ctx, id)
			if !ok && thorough && s.scanIfDue() {
				identity, ok = s.identify(ctx, id)
			}
			switch {
			case ok:
				sink.Identify(identity)
			case thorough && isIsolated(id) && len(missed) < maxAsks:
				missed = append(missed, id)
				next = time.After(s.untilScan())
			}
			if now := time.Now(); thorough && now.Sub(refreshed) > refreshPause { // the question shows that something was missed
				refreshed = now
				refresh()
			}
		}
	}
}

// watch has the files of new containers read at once. refresh takes in places that have come since. What users' folders have is read
// when somebody asks: a user could make as many as he likes.
func (s *Source) watch(ctx context.Context) (refresh, stop func()) {
	if s.cfg.User != 0 {
		return func() {}, func() {}
	}
	w, err := newWatcher(s)
	if err != nil {
		s.log.Debug("watch the files of containers", "error", err)
		return func() {}, func() {}
	}
	var running sync.WaitGroup
	running.Go(func() { w.run(ctx) })
	return func() { w.refresh(ctx) }, func() {
		_ = w.inotify.Close() // which ends the reading
		running.Wait()
	}
}

// report reports all containers that there are, each once.
func (s *Source) report(ctx context.Context, sink engine.Sink) {
	reported := map[string]bool{}
	for i := 0; ctx.Err() == nil; i++ {
		p, ok := s.place(i)
		if !ok {
			break
		}
		ids, err := open(ctx, s, p, func(in folder) ([]string, error) { return p.list(in), nil })
		if err != nil {
			continue // most hosts have few of the places
		}
		for _, id := range ids {
			if len(reported) == maxEntries || !isID(id) || reported[id] {
				continue
			}
			if f, ok := s.findIn(ctx, p, id); ok && f.Name != "" {
				reported[id] = true
				sink.Identify(f.Identity)
			}
		}
	}
	for _, m := range s.monitors() {
		if identity, ok := s.identify(ctx, m.id); ok && !reported[m.id] {
			sink.Identify(identity)
		}
	}
}

// identify finds out who a container is.
func (s *Source) identify(ctx context.Context, id string) (container.Identity, bool) {
	f, ok := s.lookUp(ctx, id, func(f found) bool { return f.Name != "" })
	return f.Identity, ok
}

// lookUp returns the first thing that was found of a container and that serves: what the files say, then what the command line of a
// monitor says.
func (s *Source) lookUp(ctx context.Context, id string, serves func(found) bool) (found, bool) {
	for i := 0; ; i++ { // there are more of them if one has shown another
		p, more := s.place(i)
		if !more {
			break
		}
		if f, ok := s.findIn(ctx, p, id); ok && serves(f) {
			return f, true
		}
	}
	s.mu.Lock()
	m, monitored := s.byID[id]
	s.mu.Unlock()
	if monitored && isIsolated(id) && !s.stillIsolated(m) { // the kernel gives the numbers of namespaces out again
		return found{}, false
	}
	if identity, named := m.identity(); monitored && named && serves(found{Identity: identity}) {
		return found{Identity: identity}, true
	}
	return found{}, false
}

// findIn looks for a container in a place, and learns where its bundle is.
func (s *Source) findIn(ctx context.Context, p place, id string) (found, bool) {
	f, err := open(ctx, s, p, func(in folder) (found, error) { return p.find(in, id) })
	if err != nil {
		if !pseudofs.IsGone(err) {
			s.log.Debug("look for a container", "id", id, "in", p.dir, "error", err)
		}
		return found{}, false
	}
	if in, ok := placeOf(f.bundle); ok {
		in.via = p.via
		s.mu.Lock()
		s.learn(in)
		s.mu.Unlock()
	}
	f.Source = container.SourceFiles
	return f, true
}

// place returns one of the places that are known by now. It returns false if there are not so many.
func (s *Source) place(i int) (place, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.places) {
		return place{}, false
	}
	return s.places[i], true
}

// learn adds a place, if it is new and there is room for it. The caller holds the lock.
func (s *Source) learn(p place) {
	most := maxPlaces
	if s.cfg.User != 0 {
		most = maxUserPlaces
	}
	same := func(q place) bool { return q.dir == p.dir && q.layout == p.layout }
	if len(s.places) < most && !slices.ContainsFunc(s.places, same) {
		s.places = append(s.places, p)
	}
}

// monitors lists the monitors, one for each container.
func (s *Source) monitors() []monitor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.byID))
}

// scanIfDue scans, unless that was done a short time ago. It reports whether it has.
func (s *Source) scanIfDue() bool {
	s.mu.Lock()
	due := !time.Now().Before(s.nextScan)
	s.mu.Unlock()
	if due {
		s.scan()
	}
	return due
}

// untilScan returns how long it is until a scan is due.
func (s *Source) untilScan() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.nextScan)
}

// scan reads the monitors, and learns the places that they work in.
func (s *Source) scan() {
	began := time.Now()
	monitors, places := s.processes()
	monitors = append(monitors, s.machines()...) // which know better than command lines
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.User != 0 { // of a user's places those that only an earlier process could open are gone with it
		s.places = defaults(s.cfg.User)
	}
	s.byID = make(map[string]monitor, len(monitors))
	for _, m := range monitors {
		s.byID[m.id] = m
		if p, ok := placeOf(m.bundle); ok {
			if s.cfg.User != 0 {
				p.via = m.pid // its folders may be mounted for itself alone
			}
			places = append(places, p)
		}
	}
	for _, p := range places {
		s.learn(p)
	}
	pause := max(scanPause, scanPatience*time.Since(began))
	if s.cfg.User != 0 {
		pause *= maxUsers
	}
	s.nextScan = time.Now().Add(pause)
}

// openRoot opens the folder of a place.
func (s *Source) openRoot(p place) (*os.Root, error) {
	root, err := os.OpenRoot(s.cfg.Proc.PID(max(p.via, 1)) + "/root" + p.dir)
	if err != nil && p.via == 0 && s.cfg.Proc == pseudofs.DefaultProc { // it may not look into PID 1
		return os.OpenRoot(p.dir)
	}
	return root, err
}
