package main

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/nsviz/nsviz/internal/collect/names"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/engine/docker"
)

// engines returns the engines that are asked for names: those of --docker-host, or of $DOCKER_HOST. It connects to nothing yet: only an
// address can be wrong.
func (o *options) engines(log *slog.Logger) (chosen []engine.Engine, find func() []engine.Engine, err error) {
	if n := len(o.engineHosts); n > names.MaxEngines {
		return nil, nil, errUsage{fmt.Errorf("--docker-host: %d engines are more than %d", n, names.MaxEngines)}
	}
	hosts := o.engineHosts
	if len(hosts) == 0 {
		hosts = []string{""} // $DOCKER_HOST, or the usual socket
	}
	for i, host := range hosts {
		if slices.Contains(hosts[:i], host) {
			continue
		}
		e, err := docker.New(docker.Config{Host: host, Log: log})
		if err != nil {
			return nil, nil, errUsage{err}
		}
		chosen = append(chosen, e)
	}
	return chosen, nil, nil
}

// engineHost returns the address of the engine that runs demos, as [docker.Config] has it.
func (o *options) engineHost() string {
	if len(o.engineHosts) > 0 {
		return o.engineHosts[0]
	}
	return ""
}
