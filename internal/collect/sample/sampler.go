package sample

import (
	"errors"
	"io/fs"
	"maps"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
)

const (
	// goneAfter is after how many readings without its cgroup a container counts as gone: its end should have been reported, but
	// events can be lost.
	goneAfter = 4
	// fullEvery is how many readings of a container make a full one, which reads its limit, too, which rarely changes, and its
	// processes.
	fullEvery = 4
	// idleEvery is the same while nobody looks, if what the container uses is what it was the last time.
	idleEvery = 16
	// restingEvery is the same for a container in which nothing runs and whose limits are reported. What may change without it is read every
	// idleEvery readings all the same.
	restingEvery = 16 * idleEvery
	// limitsEvery is how many times fullEvery make one reading of its limits and its freezer, where writes to them are reported.
	limitsEvery = 8
	// startsWithin is in how many readings a container is given its limits.
	startsWithin = 10 * fullEvery
	// maxOpen limits how many files are kept open.
	maxOpen = 4096 * (resources.WatchedFiles + resources.MeterFiles)
)

// sampler reads what containers are charged for. It keeps the files open: they are most of what nsviz
// reads where there are many containers.
type sampler struct {
	Config

	watched        map[string]*sampled // by container
	domains        map[string]*domain  // by path: the containers' own cgroups and those above them
	chain          []*domain           // those of one container, its own first; used again for the next
	open           int                 // how many of their files are open
	maxOpen        int
	turn           int  // counts Interval
	passed         int  // how many have passed since the latest one, while somebody looks; 0 is one
	writesReported bool // writes to limits are reported, so that these are read rarely
	slow           bool // a turn comes only every slowInterval
	idle           bool // the latest readings found what those before found
	recounts       bool // these readings leave out no count of kills
	urgent         bool // the latest readings found a cgroup missing or kills, of which the next ones are to say more soon
}

// sampled is what the sampler knows of one container.
type sampled struct {
	path string
	// When it was looked at.
	running, starting bool
	since             int              // the turn in which it was there first, or began to start again
	files             *resources.Watch // nil where they are not open
	meter             *resources.Meter // of the container's process meterOf; nil where it is not open
	meterOf           int32
	// pid is its PID 1, 0 is unknown; ownNet is whether the net namespace is the container's own.
	pid    int32
	ownNet bool
	latest fact.Reading
	near   bool   // whether its limit, or one above, was near then
	room   string // the path of the cgroup whose limit was the nearest at the latest reading
	memory resources.Memory
	due    int // the turn of its next full reading
	// killsDue is the turn from which on its OOM kills are read even if it uses what it used.
	killsDue int
	// dueEarly is the turn from which on that comes if somebody looks or it uses another amount than used.
	dueEarly  int
	used      uint64 // at its latest full reading; 0 is unknown
	fullAt    int    // the turn of that
	useAt     int    // the turn in which what it uses was read last
	limitsDue int    // the turn from which on a full reading reads its limits and its freezer, too
	absent    int    // readings in a row that found no cgroup
	// cpu is the CPU time at the latest turn that a full reading was due, unmoved how many of these in a row have found the same.
	cpu     uint64
	unmoved int
	// pressed is whether some task waited shortly before what it uses was read in full.
	pressed bool
	// outside is its PID 1 where that is in another cgroup; 0 where it is not. empty is whether there is no process in its own.
	outside int32
	empty   bool
	turn    int // the latest one in which it was there
}

func newSampler(c Config) *sampler {
	s := &sampler{Config: c, watched: map[string]*sampled{}, domains: map[string]*domain{}}
	// Some of the files that this process may have open are for others.
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		s.maxOpen = int(min(limit.Cur/4*3, maxOpen))
	}
	return s
}

func (s *sampler) close() {
	for _, c := range s.watched {
		s.closeFiles(c)
	}
}

func (s *sampler) closeFiles(c *sampled) {
	if c.files != nil {
		s.open -= c.files.Open()
		c.files.Close()
		c.files = nil
	}
	if c.meter != nil {
		s.open -= c.meter.Open()
		c.meter.Close()
		c.meter = nil
	}
}

// readings reads once all that live. gone are the containers whose cgroup is found no more.
func (s *sampler) readings(live []model.Watched, writesReported bool) (list []fact.Reading, gone []string) {
	if s.slow {
		s.turn += int(slowInterval / Interval)
	} else {
		s.turn += max(s.passed, 1)
	}
	s.writesReported, s.urgent, s.idle = writesReported, false, true
	for i := range live {
		c := &live[i]
		w := s.watched[c.ID]
		if w == nil {
			w = &sampled{path: c.CgroupPath, since: s.turn}
			s.watched[c.ID] = w
		}
		if w.path != c.CgroupPath {
			s.closeFiles(w)
			w.path, w.due, w.limitsDue = c.CgroupPath, 0, 0
		}
		if c.Starting && !w.starting {
			w.since = s.turn
		}
		if c.Running && !w.running {
			w.due, w.limitsDue = 0, 0 // they are set by now
		}
		w.running, w.starting, w.turn, w.pid, w.ownNet = c.Running, c.Starting, s.turn, c.InitPID, c.OwnNet
		if w.outside != c.Outside {
			w.outside, w.due = c.Outside, 0
		}
		err := s.Mishaps.Do(mishap.Reading, c.Label, func() error { return s.read(w) })
		s.idle = s.idle && err == nil
		if errors.Is(err, fs.ErrNotExist) {
			s.urgent = true
			if w.absent++; w.absent >= goneAfter && !s.isOutside(w) {
				gone = append(gone, c.ID)
			}
			continue
		}
		if mistake := (*mishap.Error)(nil); errors.As(err, &mistake) { // what is kept of the container may be half a state: it begins anew
			s.closeFiles(w)
			delete(s.watched, c.ID)
		}
		if err != nil {
			s.Log.Debug("read memory", "container", c.Label, "error", err)
			continue
		}
		w.absent = 0
		w.latest.ID = c.ID
		list = append(list, w.latest)
	}
	for id, c := range s.watched {
		if c.turn != s.turn { // it has ended
			s.closeFiles(c)
			delete(s.watched, id)
		}
	}
	maps.DeleteFunc(s.domains, func(_ string, d *domain) bool { return d.turn != s.turn })
	return list, gone
}

// isOutside reports whether the PID 1 of a container whose own cgroup is gone lives on in another one.
func (s *sampler) isOutside(c *sampled) bool {
	if c.outside == 0 {
		return false
	}
	_, err := s.Proc.StartTime(c.outside)
	return err == nil
}

// read reads one container, whose files it opens where they are not open.
func (s *sampler) read(c *sampled) error {
	full := s.turn >= c.due
	if full && c.files != nil && !c.files.Complete() {
		s.closeFiles(c) // there may be more by now
	}
	if c.files != nil {
		err := s.readFiles(c, full)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// Another cgroup may be there, or the controller was switched off and on.
		s.closeFiles(c)
		full = true
	}
	var err error
	if c.files, err = resources.In(s.Layout).Watch(c.path); err != nil {
		return err
	}
	s.open += c.files.Open()
	err = s.readFiles(c, full)
	if s.open > s.maxOpen {
		s.closeFiles(c)
	}
	return err
}

// readFiles reads the open files of a container and all the rest of it if full is set or a full reading comes early. Of a container at rest it
// reads little.
func (s *sampler) readFiles(c *sampled, full bool) error {
	c.latest.Use, c.latest.Limits, c.latest.Frozen = nil, nil, nil
	early := s.turn >= c.dueEarly
	due := full || early && !s.slow
	moved := !due || s.moves(c)
	if !moved && !s.recounts && !c.near && s.turn-c.useAt < idleEvery && c.usage() == c.used {
		c.latest.Use = &fact.Use{CPUMicros: new(c.cpu)}
		c.due = s.turn + fullEvery
		c.dueEarly = c.due
		s.readRooms(c, false)
		c.ignoreLeftovers()
		return nil
	}
	if err := s.readCharge(c, full || s.recounts); err != nil {
		return err
	}
	used := c.usage()
	if early && !due && used != c.used {
		due, moved = true, s.moves(c)
	}
	rests := !moved && used == c.used
	if due {
		if err := c.files.Limit(&c.memory); err != nil {
			return err
		}
	}
	if before, now := c.latest.OOMKills, c.memory.OOMKills; before != nil && now != nil && *before != *now {
		s.urgent = true
	}
	before := c.latest.UsageBytes
	s.idle = s.idle && !s.urgent && before != nil && *before == used && (!due || c.unmoved > 0)
	c.latest.UsageBytes, c.latest.OOMKills = c.memory.UsageBytes, c.memory.OOMKills
	c.latest.StuckAt = resources.In(s.Layout).StuckAt(c.path, &c.memory)
	switch {
	case due && rests:
		s.takeLimit(c)
		c.latest.Use, c.useAt = s.useAtRest(c), s.turn
		c.due = s.turn + fullEvery
		c.dueEarly = c.due
	case due:
		s.readAll(c, used)
	}
	s.readRooms(c, due)
	c.ignoreLeftovers()
	return nil
}

// usage returns what a container is charged for as of its latest reading; 0 is unknown.
func (c *sampled) usage() uint64 {
	if c.memory.UsageBytes == nil {
		return 0
	}
	return *c.memory.UsageBytes
}

// readAll reads what only a full reading reads but its memory.
func (s *sampler) readAll(c *sampled, used uint64) {
	s.takeLimit(c)
	c.latest.Processes = nil
	if procs, err := s.Layout.TreeProcs(c.path); err == nil {
		c.latest.Processes = new(len(procs))
		c.empty = c.outside != 0 && len(procs) == 0
	}
	if c.running && (s.turn >= c.limitsDue || !s.writesReported) {
		c.latest.Limits = s.limits(c)
		c.latest.Frozen = s.frozen(c)
		c.limitsDue = s.turn + limitsEvery*fullEvery
	}
	if refused, err := resources.In(s.Layout).PIDsRefused(c.path); err == nil {
		c.latest.PIDsRefused = refused
	}
	switch {
	case c.due == 0: // so that it is not the turn of all containers at the same time
		c.due = s.turn + 1 + len(s.watched)%fullEvery
	case s.slow && s.writesReported && used == c.used:
		c.due = s.turn + idleEvery
	default:
		c.due = s.turn + fullEvery
	}
	c.dueEarly = min(c.due, s.turn+fullEvery)
	c.used, c.fullAt, c.useAt = used, s.turn, s.turn
	c.latest.Use = s.use(c)
}

// readCharge reads what a container is charged for and the OOM kills in it. A kill gives memory back, and the kernel reports it by itself, so
// that the count is read every fullEvery turns where the container uses what it used.
func (s *sampler) readCharge(c *sampled, full bool) error {
	before := c.memory.UsageBytes
	if err := c.files.Usage(&c.memory); err != nil {
		return err
	}
	if now := c.memory.UsageBytes; !full && s.turn < c.killsDue && before != nil && now != nil && *before == *now {
		return nil
	}
	c.killsDue = s.turn + fullEvery
	return c.files.Kills(&c.memory)
}

// takeLimit takes the limit that was read into the reading. A container that is starting may be given one yet; the own program of some never starts
// on this kernel.
func (s *sampler) takeLimit(c *sampled) {
	mayGetOne := c.starting && s.turn-c.since < startsWithin
	c.latest.LimitBytes, c.latest.Unlimited = c.memory.LimitBytes, c.memory.Unlimited && !mayGetOne
}

// ignoreLeftovers makes unknown what a container uses that has no process in its own cgroup: what is charged there is what
// it left behind.
func (c *sampled) ignoreLeftovers() {
	if c.empty {
		c.latest.UsageBytes, c.latest.Processes, c.latest.Use = nil, nil, nil
	}
}

// frozen reads whether a container is frozen; nil is unknown.
func (s *sampler) frozen(c *sampled) *bool {
	frozen, err := resources.In(s.Layout).Frozen(c.path)
	if err != nil {
		s.Log.Debug("read the freezer", "cgroup", c.path, "error", err)
	}
	return frozen
}

// limits returns those of a container's own cgroup.
func (s *sampler) limits(c *sampled) *fact.CgroupLimits {
	return resources.In(s.Layout).OwnLimits(c.path, c.memory.Limit())
}
