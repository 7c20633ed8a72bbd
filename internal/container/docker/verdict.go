package docker

import (
	"context"
	"time"

	"github.com/containerd/errdefs"
	engine "github.com/docker/docker/api/types/container"

	"github.com/nsviz/nsviz/internal/container"
)

// maxDead is how many deaths wait to be asked about. Of the others the engine's word stays unknown.
const maxDead = 1024

// death is a die event.
type death struct {
	id string
	at time.Time // by the engine's clock
}

func (s *session) died(id string, at time.Time) {
	if len(s.dead) < maxDead {
		s.dead = append(s.dead, death{id, at})
	}
}

// inspectNext asks about the next death, unless a question is under way. Only inspect tells whether the
// engine takes it for an OOM kill. It waits for the container's lock, so that the answer is of after the
// die event, and it may take as long as the next start does.
//
// The exit code in the event is not taken: a label of the image can be called exitCode and hides it.
func (s *session) inspectNext(ctx context.Context) {
	if s.asking || len(s.dead) == 0 {
		return
	}
	next := s.dead[0]
	s.dead = s.dead[1:]
	s.asking = true
	s.workers.Go(func() {
		verdict := container.Verdict{ID: next.id}
		var answer engine.InspectResponse
		problem := s.call(ctx, "inspection", s.cfg.Timeout, func(ctx context.Context) (err error) {
			answer, err = s.client.ContainerInspect(ctx, next.id)
			if errdefs.IsNotFound(err) {
				verdict.Removed = true
				return nil
			}
			return err
		})
		switch {
		case problem != nil:
			s.status.log.Debug("ask how a container ended", "container", next.id, "error", problem)
		case answer.ContainerJSONBase != nil:
			verdict.ExitCode, verdict.OOMKilled = stateOf(answer.State, next.at)
		}
		s.inspected <- verdict
	})
}

// stateOf is what the engine says of the end at a time. Nothing, where it has started the container
// again since, which resets the flags, or where that has ended, too.
func stateOf(state *engine.State, at time.Time) (code *int32, oomKilled *bool) {
	if state == nil || state.Running && !state.Restarting {
		return nil, nil
	}
	if finished, err := time.Parse(time.RFC3339Nano, state.FinishedAt); err != nil || finished.After(at) {
		return nil, nil
	}
	return new(int32(state.ExitCode)), new(state.OOMKilled)
}
