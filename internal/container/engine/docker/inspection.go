package docker

import (
	"context"
	"time"

	"github.com/containerd/errdefs"
	dockertypes "github.com/docker/docker/api/types/container"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// maxDead is how many deaths wait to be asked about. For the others the engine's report stays unknown.
const maxDead = 1024

// maxStarts is how many failed starts wait to be asked about that the engine has not reported. Any user who may make cgroups
// can cause as many as he likes.
const maxStarts = 1024

// maxUnstarted is how many containers are kept in mind that were created and not started.
const maxUnstarted = 4096

// maxStartError bounds the reason of a failed start, in bytes. It ends with what matters.
const maxStartError = 1 << 10

// maxCounted is how many running containers are asked about. It bounds the work and the memory; how often the engine has restarted others
// shows when they die.
const maxCounted = 4096

// death is a die event, or a start that failed.
type death struct {
	id string
	at time.Time // by the engine's clock; zero for a start that failed
	// runs is set if it is neither: the container runs.
	runs bool
}

// countRestarts asks how often the engine has restarted a container that runs, once.
func (s *session) countRestarts(id string) {
	if _, asked := s.counted[id]; asked || len(s.counted) >= maxCounted {
		return
	}
	s.counted[id] = struct{}{}
	s.running = append(s.running, id)
}

// died asks about an end or a failed start that the engine itself reported.
func (s *session) died(id string, at time.Time) {
	if len(s.dead) == maxDead {
		s.status.Sink.Lost(1)
		return
	}
	s.dead = append(s.dead, death{id: id, at: at})
}

// created keeps in mind that a container is there and not started. It reports whether that is new.
func (s *session) created(id string, at time.Time) bool {
	if _, known := s.unstarted[id]; known || len(s.unstarted) >= maxUnstarted {
		return false
	}
	s.unstarted[id] = time.Time{}
	s.status.Sink.Did(fact.EngineEvent{
		ID: id, Action: fact.ActionCreate, At: at, Container: &event.Container{ID: id, Runtime: s.Name()},
	})
	return true
}

// disconnected asks about a container that left its network without having been started. The engine reports nothing
// else when a start fails.
func (s *session) disconnected(id string) {
	if _, ok := s.unstarted[id]; ok {
		s.startFailed(id)
	}
}

// sameStart is the time within which signs of a failed start belong to the same start.
const sameStart = 2 * time.Second

// startFailed asks about a container whose start has failed, once for each start. One that the engine has not reported is asked
// about when nothing else is.
func (s *session) startFailed(id string) {
	asked, reported := s.unstarted[id]
	if !reported {
		if len(s.starts) == maxStarts {
			s.unasked.Add(1)
			return
		}
		s.starts = append(s.starts, id)
		return
	}
	now := s.cfg.Clock.Now()
	if now.Sub(asked) < sameStart {
		return
	}
	s.unstarted[id] = now
	s.died(id, time.Time{})
}

// reportUnasked logs how many failed starts were not asked about. They are not lost events: the engine did not report them.
func (s *session) reportUnasked() {
	if n := s.unasked.Swap(0); n > 0 {
		s.status.Log.Info("too many starts failed at a time for the engine to be asked about all of them", "not_asked", n)
	}
}

// next removes and returns what is to be asked about next.
func (s *session) next() (d death, ok bool) {
	switch {
	case len(s.dead) > 0:
		d, s.dead = s.dead[0], s.dead[1:]
	case len(s.starts) > 0:
		d.id, s.starts = s.starts[0], s.starts[1:]
	case len(s.running) > 0:
		d.id, d.runs, s.running = s.running[0], true, s.running[1:]
	default:
		return death{}, false
	}
	return d, true
}

// inspectNext asks about the next death, unless a question is under way. Only inspect reports whether the
// engine takes it for an OOM kill. It waits for the container's lock, so that the answer is from after the
// die event, and it may take as long as the next start does.
//
// The exit code in the event is not taken: a label of the image can be called exitCode and hides it.
func (s *session) inspectNext(ctx context.Context) {
	if s.asking {
		return
	}
	next, ok := s.next()
	if !ok {
		return
	}
	s.asking = true
	s.workers.Go(func() {
		report := inspection{EngineReport: fact.EngineReport{ID: next.id}, dead: !next.at.IsZero()}
		var answer dockertypes.InspectResponse
		problem := s.call(ctx, "inspection", s.cfg.Timeout, func(ctx context.Context) (err error) {
			answer, err = s.client.ContainerInspect(ctx, next.id)
			if errdefs.IsNotFound(err) {
				report.Removed = !next.runs
				return nil
			}
			return err
		})
		switch {
		case problem != nil:
			s.status.Log.Debug("ask how a container ended", "container", next.id, "error", problem)
		case answer.ContainerJSONBase == nil:
		case next.runs:
			report.RestartCount, report.Runs = new(answer.RestartCount), true
		case next.at.IsZero():
			report.RestartCount = new(answer.RestartCount)
			report.ExitCode, report.StartError = startOf(answer.State)
		default:
			report.RestartCount = new(answer.RestartCount)
			report.ExitCode, report.OOMKilled = stateOf(answer.State, next.at)
		}
		s.inspected <- report
	})
}

// stateOf returns what the engine says of the end at a time. It returns nothing if the engine has started the
// container again since, which resets the flags, even if that run has ended, too.
func stateOf(state *dockertypes.State, at time.Time) (code *int32, oomKilled *bool) {
	if state == nil || state.Running && !state.Restarting {
		return nil, nil
	}
	if finished, err := time.Parse(time.RFC3339Nano, state.FinishedAt); err != nil || finished.After(at) {
		return nil, nil
	}
	return new(int32(state.ExitCode)), new(state.OOMKilled)
}

// startOf returns what the engine says of a start that failed: the reason, and the exit code that it made up. It returns nothing
// if the engine has started the container since.
func startOf(state *dockertypes.State) (code *int32, reason string) {
	if state == nil || state.Running || state.Error == "" {
		return nil, ""
	}
	return new(int32(state.ExitCode)), cutFront(state.Error, maxStartError)
}
