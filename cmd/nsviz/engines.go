package main

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/collect/names"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/engine/cri"
	"github.com/nsviz/nsviz/internal/container/engine/docker"
	"github.com/nsviz/nsviz/internal/container/engine/sockets"
	"github.com/nsviz/nsviz/internal/host/netfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// engines returns the engines that are asked for names: those of --docker-host and --cri-endpoint, or the one of $DOCKER_HOST, or Docker's
// usual one and all others that find returns at the time. It connects to nothing yet: only an address can be wrong.
func (o *options) engines(log *slog.Logger) (chosen []engine.Engine, find func() []engine.Engine, err error) {
	proc, err := pseudofs.OpenProc(o.procRoot)
	if err != nil {
		return nil, nil, err
	}
	finder := sockets.New(sockets.Config{
		Proc: procfs.New(proc), Net: netfs.New(proc), Except: strings.TrimPrefix(docker.UsualHost, "unix://"),
	})
	named := len(o.engineHosts) + len(o.criEndpoints)
	if named > names.MaxEngines {
		return nil, nil, errUsage{fmt.Errorf("--docker-host and --cri-endpoint: %d engines are more than %d", named, names.MaxEngines)}
	}
	hosts := o.engineHosts
	if named == 0 {
		hosts = []string{""} // $DOCKER_HOST, or the usual socket
	}
	for i, host := range hosts {
		if slices.Contains(hosts[:i], host) {
			continue
		}
		e, err := docker.New(docker.Config{Host: host, Connect: finder.Chosen(), Log: log})
		if err != nil {
			return nil, nil, errUsage{err}
		}
		chosen = append(chosen, e)
	}
	for i, endpoint := range o.criEndpoints {
		if slices.Contains(o.criEndpoints[:i], endpoint) {
			continue
		}
		e, err := cri.New(cri.Config{Endpoint: endpoint, Connect: finder.Chosen(), Log: log})
		if err != nil {
			return nil, nil, errUsage{err}
		}
		chosen = append(chosen, e)
	}
	if named > 0 || os.Getenv(docker.HostVariable) != "" {
		return chosen, nil, nil
	}
	return chosen, foundEngines(finder, log), nil
}

// foundEngines returns a function that returns the engines whose sockets exist, the same one for the same socket.
func foundEngines(finder *sockets.Finder, log *slog.Logger) func() []engine.Engine {
	made := map[*sockets.Socket]engine.Engine{}
	return func() []engine.Engine {
		found := finder.Find()
		maps.DeleteFunc(made, func(s *sockets.Socket, _ engine.Engine) bool { return !slices.Contains(found, s) })
		var list []engine.Engine
		for _, s := range found {
			if made[s] == nil {
				e, err := foundEngine(s, log)
				if err != nil {
					log.Debug("follow an engine that was found", "socket", s.Path, "error", err)
					continue
				}
				made[s] = e
			}
			list = append(list, made[s])
		}
		return list
	}
}

// foundEngine returns the engine whose socket was found.
func foundEngine(s *sockets.Socket, log *slog.Logger) (engine.Engine, error) {
	address := "unix://" + s.Path
	if s.CRI {
		return cri.New(cri.Config{Endpoint: address, Runtime: s.Runtime, Found: true, Connect: s.Connect, Log: log})
	}
	c := docker.Config{Host: address, Runtime: s.Runtime, User: s.User, Connect: s.Connect, Log: log}
	if s.User != 0 {
		c.Backoff = docker.Backoff{Min: time.Second, Max: time.Minute} // it may fail on purpose
	}
	return docker.New(c)
}

// engineHost returns the address of the engine that runs demos, as [docker.Config] has it.
func (o *options) engineHost() string {
	if len(o.engineHosts) > 0 {
		return o.engineHosts[0]
	}
	return ""
}
