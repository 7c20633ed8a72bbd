package ondisk

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/fact"
)

const (
	// maxEnds bounds the containers whose end is asked about at a time.
	maxEnds = 256
	// conmon writes a container's exit code once it has reaped PID 1: it is looked for so often, with so much time in between.
	endTries = 100
	endPause = 50 * time.Millisecond
	// endAge is how old the exit code may be. One of an earlier run may be there until podman cleans up.
	endAge = 10 * time.Second
	// The processes are read for them so often a second in the long run, and so often at once: a monitor does not live until that is due.
	endScansPerSecond = 1
	endScansAtOnce    = 5
)

// An end is a container whose exit code is looked for.
type end struct {
	tries int
	// monitor is the container's; its id is "" if it is not known.
	monitor monitor
}

// ends are the containers that were asked about and have not been answered. It is safe for concurrent use.
type ends struct {
	// wake holds a token while there are new ones.
	wake chan struct{}

	mu   sync.Mutex
	open map[string]*end // by id
}

func newEnds() *ends { return &ends{wake: make(chan struct{}, 1), open: map[string]*end{}} }

// AskEnd implements [engine.Engine], for podman: conmon writes the exit code of a container and that it had an OOM kill, and podman reads both.
func (s *Source) AskEnd(id string) {
	if !container.IsHash(id) {
		return
	}
	s.ends.mu.Lock()
	defer s.ends.mu.Unlock()
	if len(s.ends.open) < maxEnds {
		s.ends.open[id] = &end{}
	}
	select {
	case s.ends.wake <- struct{}{}:
	default:
	}
}

// reportEnds reports the ends that are known by now. It returns whether others are to be looked for again.
func (s *Source) reportEnds(ctx context.Context, sink engine.Sink) (again bool) {
	s.ends.mu.Lock()
	open := make(map[string]*end, len(s.ends.open))
	for id, e := range s.ends.open {
		open[id] = e
	}
	s.ends.mu.Unlock()
	scanned := false
	for id, e := range open {
		if e.monitor.id == "" {
			e.monitor = s.monitor(id)
		}
		if e.monitor.id == "" { // it lives on for a moment, and names its files
			if !scanned && s.endScans.Allow() {
				scanned = true
				s.scan()
			}
			e.monitor = s.monitor(id)
		}
		e.tries++
		report, ok := s.ended(ctx, id, e.monitor)
		if !ok && e.monitor.id == "" {
			for _, m := range s.likeOthers(id) {
				if report, ok = s.ended(ctx, id, m); ok {
					break
				}
			}
		}
		if ok {
			sink.Ended(report)
		}
		if ok || e.tries == endTries {
			s.ends.mu.Lock()
			delete(s.ends.open, id)
			s.ends.mu.Unlock()
			continue
		}
		again = true
	}
	return again
}

// monitor returns the monitor of a container; its id is "" if it is not known.
func (s *Source) monitor(id string) monitor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[id]
}

// likeOthers returns the monitors that a container of podman may have had, if its files are where those of another one are: one for
// each folder of exit codes.
func (s *Source) likeOthers(id string) []monitor {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []monitor
	for _, m := range s.byID {
		same := func(other monitor) bool { return other.exitDir == m.exitDir }
		if m.runtime == runtime.Podman && m.exitDir != "" && len(list) < maxUserPlaces && !slices.ContainsFunc(list, same) {
			m.bundle = strings.Replace(m.bundle, m.id, id, 1)
			list = append(list, m)
		}
	}
	return list
}

// ended reads how a container of podman ended.
func (s *Source) ended(ctx context.Context, id string, m monitor) (fact.EngineReport, bool) {
	dir := "/run/libpod/exits"
	if s.cfg.User != 0 {
		dir = "/run/user/" + strconv.FormatUint(uint64(s.cfg.User), 10) + "/libpod/tmp/exits"
	}
	if m.exitDir != "" {
		dir = m.exitDir
	}
	if m.runtime != "" && m.runtime != runtime.Podman {
		return fact.EngineReport{}, false
	}
	code, err := look(ctx, s, dir, m.pid, func(in folder) (int32, error) {
		info, err := in.root.Stat(id)
		if err != nil {
			return 0, err
		}
		if time.Since(info.ModTime()) > endAge {
			return 0, fs.ErrNotExist
		}
		return in.number(id)
	})
	if err != nil {
		return fact.EngineReport{}, false
	}
	report := fact.EngineReport{ID: id, ExitCode: &code}
	if path.IsAbs(m.bundle) {
		killed, err := look(ctx, s, m.bundle, m.pid, func(in folder) (bool, error) {
			_, err := in.root.Lstat("oom")
			if errors.Is(err, fs.ErrNotExist) {
				return false, nil
			}
			return true, err
		})
		if err == nil {
			report.OOMKilled = &killed
		}
	}
	return report, true
}

// look looks into a folder as the monitor of a user sees it or, if that has ended, as the host does.
func look[T any](ctx context.Context, s *Source, dir string, monitor int32, in func(folder) (T, error)) (T, error) {
	if s.cfg.User != 0 && monitor != 0 {
		if found, err := open(ctx, s, place{dir: dir, via: monitor}, in); err == nil {
			return found, nil
		}
	}
	return open(ctx, s, place{dir: dir}, in)
}
