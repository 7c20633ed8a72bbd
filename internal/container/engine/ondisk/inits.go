package ondisk

import (
	"context"
	"path"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
)

// maxInits bounds how many containers Inits looks at one by one.
const maxInits = 64

// Inits implements [engine.Engine], by what runc and crun keep of each container. A process is PID 1 only if it was made when the
// runtime says: its PID may be another one's by now. A container whose cgroup does not have its id is left out:
// nobody could tell whether PID 1 has left that.
//
// Of a user's containers the monitors say it: on cgroup v1, and without systemd, these have no cgroup.
func (s *Source) Inits(ctx context.Context, known func(id string) bool) (map[string]engine.Init, error) {
	if s.cfg.User != 0 {
		return s.monitoredInits(ctx, known), nil
	}
	inits := map[string]engine.Init{}
	looked := 0
	for i := 0; ctx.Err() == nil; i++ {
		p, ok := s.place(i)
		if !ok {
			break
		}
		if _, ok := p.layout.(states); !ok {
			continue
		}
		ids, err := open(ctx, s, p, func(in folder) ([]string, error) { return p.list(in), nil })
		if err != nil {
			continue // most hosts do not have all places
		}
		for _, id := range ids {
			if !isID(id) || known(id) || looked == maxInits {
				continue
			}
			looked++
			f, ok := s.findIn(ctx, p, id)
			if !ok || f.pid <= 1 || f.startTicks == 0 || !strings.Contains(f.cgroup, id) {
				continue
			}
			if started, err := s.proc.StartTime(f.pid); err == nil && started == f.startTicks {
				made, _ := s.lookUp(ctx, id, func(f found) bool { return f.Name != "" })
				inits[id] = engine.Init{PID: f.pid, Runtime: first(made.Runtime, f.Runtime)}
			}
		}
	}
	return inits, nil
}

// monitoredInits returns the PID 1 of each container that has a monitor: the process that the monitor's file names, if it is a child of the
// monitor. A monitor adopts its container's PID 1.
func (s *Source) monitoredInits(ctx context.Context, known func(id string) bool) map[string]engine.Init {
	s.scan()
	inits := map[string]engine.Init{}
	looked := 0
	for _, m := range s.monitors() {
		if m.pidFile == "" || !container.IsHash(m.id) || looked == maxInits || known(m.id) {
			continue
		}
		looked++
		pid, err := open(ctx, s, place{dir: path.Dir(m.pidFile), via: m.pid}, func(in folder) (int32, error) {
			return in.number(path.Base(m.pidFile))
		})
		if err != nil {
			continue // it is not there yet
		}
		if stat, err := s.proc.Stat(pid); err == nil && stat.PPID == m.pid {
			made, _ := s.lookUp(ctx, m.id, func(found) bool { return true })
			inits[m.id] = engine.Init{PID: pid, Runtime: first(made.Runtime, m.runtime)}
		}
	}
	return inits
}

// number reads a file that has nothing but a number.
func (f folder) number(name string) (int32, error) {
	const maxDigits = 16
	file, _, err := f.open(name, maxDigits)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	data, err := readAll(file, maxDigits)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 32)
	return int32(n), err
}
