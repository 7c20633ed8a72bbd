package sample

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/model"
)

const (
	// goneAfter is after how many readings without its cgroup a container counts as gone: its end
	// should have been told, but events can be lost.
	goneAfter = 4
	// wholeEvery is how many readings of a container make one in which all of it is read: its limit, too,
	// which seldom changes, and its processes.
	wholeEvery = 4
	// stillEvery is the same while nobody looks, if what the container uses is what it was the last time.
	stillEvery = 16
	// limitsEvery is how many times wholeEvery make one reading of its limits, where writes to them are reported.
	limitsEvery = 8
	// mostWatched is how many cgroups at most have their files kept open.
	mostWatched = 4096
)

// sampler reads what containers are charged for. It keeps the files open: they are most of what nsviz
// reads where there are many containers.
type sampler struct {
	Config

	watched map[string]*sampled // by container
	open    int                 // how many of them have their files open
	most    int
	turn    int  // counts Interval
	written bool // writes to limits are reported
	seldom  bool // it is the turn only every slowInterval
	hurried bool // the latest readings found a cgroup missing or kills, of which the next ones are to say more soon
}

// sampled is what the sampler knows of one container.
type sampled struct {
	path    string
	running bool             // when it was looked at
	files   *resources.Watch // nil where they are not open
	latest  fact.Reading
	memory  resources.Memory
	whole   int    // the turn in which all of it is read again
	earlier int    // the turn in which that is so if somebody looks or it uses another amount
	used    uint64 // when all of it was read; 0 is unknown
	limits  int    // the turn from which on its limits are read again with that
	absent  int    // readings in a row that found no cgroup
	// init is its PID 1 where that is in another cgroup; 0 where it is not. hollow is whether there is no process in its own.
	init   int32
	hollow bool
	turn   int // the latest one in which it was there
}

func newSampler(c Config) *sampler {
	s := &sampler{Config: c, watched: map[string]*sampled{}}
	// At most half of the files that this process may have open.
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		s.most = int(min(limit.Cur/2/resources.WatchedFiles, mostWatched))
	}
	return s
}

func (s *sampler) close() {
	for _, c := range s.watched {
		s.shut(c)
	}
}

func (s *sampler) shut(c *sampled) {
	if c.files != nil {
		c.files.Close()
		c.files = nil
		s.open--
	}
}

// readings reads once. gone are the containers whose cgroup is found no more.
func (s *sampler) readings(live []model.Watched, written bool) (list []fact.Reading, gone []string) {
	s.turn++
	if s.seldom {
		s.turn += int(slowInterval/Interval) - 1
	}
	s.written, s.hurried = written, false
	for i := range live {
		c := &live[i]
		w := s.watched[c.ID]
		if w == nil {
			w = &sampled{path: c.CgroupPath}
			s.watched[c.ID] = w
		}
		if w.path != c.CgroupPath {
			s.shut(w)
			w.path, w.whole, w.limits = c.CgroupPath, 0, 0
		}
		if c.Running && !w.running {
			w.whole, w.limits = 0, 0 // they are set by now
		}
		w.running, w.turn = c.Running, s.turn
		if w.init != c.Outside {
			w.init, w.whole = c.Outside, 0
		}
		err := s.read(w)
		if errors.Is(err, fs.ErrNotExist) {
			s.hurried = true
			if w.absent++; w.absent >= goneAfter && !s.isOutside(w) {
				gone = append(gone, c.ID)
			}
			continue
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
			s.shut(c)
			delete(s.watched, id)
		}
	}
	return list, gone
}

// isOutside reports whether the PID 1 of a container whose own cgroup is gone lives on in another one.
func (s *sampler) isOutside(c *sampled) bool {
	if c.init == 0 {
		return false
	}
	_, err := s.Proc.StartTime(c.init)
	return err == nil
}

// read reads one container.
func (s *sampler) read(c *sampled) error {
	whole := s.turn >= c.whole
	if whole && c.files != nil && !c.files.Complete() {
		s.shut(c) // there may be more by now
	}
	if c.files != nil {
		err := s.take(c, whole)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// Another cgroup may be there, or the controller was switched off and on.
		s.shut(c)
		whole = true
	}
	var err error
	if c.files, err = resources.In(s.Layout).Watch(c.path); err != nil {
		return err
	}
	if s.open++; s.open > s.most {
		defer s.shut(c)
	}
	return s.take(c, whole)
}

func (s *sampler) take(c *sampled, whole bool) error {
	err := c.files.Charge(&c.memory)
	used := uint64(0)
	if c.memory.UsageBytes != nil {
		used = *c.memory.UsageBytes
	}
	whole = whole || s.turn >= c.earlier && (!s.seldom || used != c.used)
	if whole {
		err = errors.Join(err, c.files.Limit(&c.memory))
	}
	if err != nil {
		return err
	}
	if before, now := c.latest.OOMKills, c.memory.OOMKills; before != nil && now != nil && *before != *now {
		s.hurried = true
	}
	c.latest.UsageBytes, c.latest.OOMKills, c.latest.Limits = c.memory.UsageBytes, c.memory.OOMKills, nil
	c.latest.StuckAt = resources.In(s.Layout).StuckAt(c.path, &c.memory)
	if !whole {
		c.ignoreLeftovers()
		return nil
	}
	c.latest.LimitBytes, c.latest.Unlimited = c.memory.LimitBytes, c.memory.Unlimited
	c.latest.Processes = nil
	if procs, err := s.Layout.TreeProcs(c.path); err == nil {
		c.latest.Processes = new(len(procs))
		c.hollow = c.init != 0 && len(procs) == 0
	}
	if c.running && (s.turn >= c.limits || !s.written) {
		c.latest.Limits = s.limits(c)
		c.limits = s.turn + limitsEvery*wholeEvery
	}
	if refused, err := resources.In(s.Layout).PIDsRefused(c.path); err == nil {
		c.latest.PIDsRefused = refused
	}
	switch {
	case c.whole == 0: // so that it is not the turn of all containers at the same time
		c.whole = s.turn + 1 + len(s.watched)%wholeEvery
	case s.seldom && s.written && used == c.used:
		c.whole = s.turn + stillEvery
	default:
		c.whole = s.turn + wholeEvery
	}
	c.earlier = min(c.whole, s.turn+wholeEvery)
	c.used = used
	c.ignoreLeftovers()
	return nil
}

// ignoreLeftovers makes unknown what a container uses that has no process in its own cgroup: what is charged there is what
// it left behind.
func (c *sampled) ignoreLeftovers() {
	if c.hollow {
		c.latest.UsageBytes, c.latest.Processes = nil, nil
	}
}

// limits are those of a container's own cgroup.
func (s *sampler) limits(c *sampled) *fact.CgroupLimits {
	return resources.In(s.Layout).OwnLimits(c.path, c.memory.Limit())
}
