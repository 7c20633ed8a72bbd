package ondisk

import (
	"context"
	"strings"

	"github.com/nsviz/nsviz/internal/container/engine"
)

// maxInits bounds how many containers Inits looks at one by one.
const maxInits = 64

// Inits implements [engine.Engine], by what runc and crun keep of each container. A process is PID 1 only if it was made when the
// runtime says: its PID may be another one's by now. A container whose cgroup does not have its id is left out:
// nobody could tell whether PID 1 has left that.
func (s *Source) Inits(ctx context.Context, known func(id string) bool) (map[string]engine.Init, error) {
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
