package docker

import (
	"context"
	"maps"
	"slices"
	"time"

	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/nsviz/nsviz/internal/container/engine"
)

// mostInits is how many containers Inits asks about one by one.
const mostInits = 64

// Inits implements engine.Engine. An engine that is not behind a socket of this host may be on another host: it is not asked.
func (f *Follower) Inits(ctx context.Context, known func(id string) bool) (map[string]engine.Init, error) {
	if f.host.socket == "" {
		return nil, nil
	}
	api, err := f.host.client(wallClock{}, nil)
	if err != nil {
		return nil, err
	}
	defer api.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, settingsPatience, errNoAnswer)
	defer cancel()
	explained := func(what string, err error) error {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return explain(f.host, what, settingsPatience, err)
	}
	api.NegotiateAPIVersion(ctx)
	unknown := map[string]struct{}{}
	err = api.containers(ctx, filters.NewArgs(filters.Arg("status", "running")), func(c *dockertypes.Summary, _ bool) {
		if validID(c.ID) && !known(c.ID) && len(unknown) < mostInits {
			unknown[c.ID] = struct{}{}
		}
	})
	if err != nil {
		return nil, explained("list of containers", err)
	}
	inits := map[string]engine.Init{}
	for _, id := range slices.Sorted(maps.Keys(unknown)) {
		answer, err := api.ContainerInspect(ctx, id)
		if ctx.Err() != nil {
			return inits, explained("inspection", err)
		}
		if err != nil || answer.ContainerJSONBase == nil || answer.State == nil || !answer.State.Running {
			continue // it has ended meanwhile
		}
		if pid := answer.State.Pid; pid > 1 && int(int32(pid)) == pid {
			started, _ := time.Parse(time.RFC3339Nano, answer.State.StartedAt) // zero if it cannot be parsed
			inits[id] = engine.Init{PID: int32(pid), Started: started, Runtime: f.Name()}
		}
	}
	return inits, nil
}
