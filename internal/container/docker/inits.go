package docker

import (
	"context"
	"maps"
	"slices"
	"time"

	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// Init is the PID 1 of a container, as its engine has it.
type Init struct {
	// PID is as the engine's host counts.
	PID int32
	// Started is when the engine says that it started it; zero is unknown.
	Started time.Time
}

// mostInits is how many containers Inits asks about one by one.
const mostInits = 64

// Inits asks the engine at host, as Config.Host has it, for the PID 1 of those of its running containers that are not
// known otherwise, by id. It waits no longer than a few seconds for all of them, and returns what it has learned by then.
// An engine that is not asked by a socket of this host may be on another one: it is not asked.
func Inits(ctx context.Context, host string, known func(id string) bool) (map[string]Init, error) {
	address, err := parseHost(host)
	if err != nil {
		return nil, err
	}
	if address.socket == "" {
		return nil, nil
	}
	api, err := address.client(wallClock{}, nil)
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
		return explain(address, what, settingsPatience, err)
	}
	api.NegotiateAPIVersion(ctx)
	unknown := map[string]struct{}{}
	err = api.containers(ctx, filters.NewArgs(filters.Arg("status", "running")), func(c *engine.Summary, _ bool) {
		if validID(c.ID) && !known(c.ID) && len(unknown) < mostInits {
			unknown[c.ID] = struct{}{}
		}
	})
	if err != nil {
		return nil, explained("list of containers", err)
	}
	inits := map[string]Init{}
	for _, id := range slices.Sorted(maps.Keys(unknown)) {
		answer, err := api.ContainerInspect(ctx, id)
		if ctx.Err() != nil {
			return inits, explained("inspection", err)
		}
		if err != nil || answer.ContainerJSONBase == nil || answer.State == nil || !answer.State.Running {
			continue // it has ended meanwhile
		}
		if pid := answer.State.Pid; pid > 1 && int(int32(pid)) == pid {
			started, _ := time.Parse(time.RFC3339Nano, answer.State.StartedAt) // zero where it makes no sense
			inits[id] = Init{PID: int32(pid), Started: started}
		}
	}
	return inits, nil
}
