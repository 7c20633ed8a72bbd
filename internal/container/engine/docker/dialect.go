package docker

import (
	"path/filepath"
	"slices"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/events"

	"github.com/nsviz/nsviz/internal/container/runtime"
)

// A dialect is how an engine speaks Docker's API.
type dialect struct {
	runtime string // the name of its row in the table of runtimes
	// component is what it calls itself among the components of its version.
	component string
	// actions are Docker's words for those that it has other words for.
	actions map[events.Action]events.Action
}

// dialects has Docker's first, which is also that of an engine that is not known.
func dialects() []dialect {
	return []dialect{
		{runtime: runtime.Docker, component: "Engine"},
		{runtime: runtime.Podman, component: "Podman Engine", actions: map[events.Action]events.Action{
			// libpod/events/config.go. Its API may say "die" all the same, but a filter for that passes nothing.
			"died": events.ActionDie, "remove": events.ActionDestroy, "exec": events.ActionExecStart,
		}},
	}
}

// dialectOf returns the dialect of an engine, by the components of its version.
func dialectOf(components []types.ComponentVersion) dialect {
	all := dialects()
	for _, d := range all {
		if slices.ContainsFunc(components, func(c types.ComponentVersion) bool { return c.Name == d.component }) {
			return d
		}
	}
	return all[0]
}

// guess returns the dialect of an engine of that name, else of whatever engine has a socket of that name. Where podman stands in for
// Docker, Docker's socket is a symbolic link to podman's.
func guess(name, socket string) dialect {
	all := dialects()
	if i := slices.IndexFunc(all, func(d dialect) bool { return d.runtime == name }); i >= 0 {
		return all[i]
	}
	if target, err := filepath.EvalSymlinks(socket); err == nil {
		socket = target
	}
	for _, d := range all {
		if slices.Contains(runtime.Lookup(d.runtime).Files.Sockets, filepath.Base(socket)) {
			return d
		}
	}
	return all[0]
}

// word returns Docker's word for an action.
func (d *dialect) word(action events.Action) events.Action {
	if docker, ok := d.actions[action]; ok {
		return docker
	}
	return action
}
