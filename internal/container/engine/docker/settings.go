package docker

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	dockertypes "github.com/docker/docker/api/types/container"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// settingsPatience bounds the requests of Settings together. An engine that is stuck in one container's lock
// answers all else.
const settingsPatience = DefaultTimeout

// Settings implements engine.Engine. If the image is gone, its layers are unknown.
func (f *Follower) Settings(ctx context.Context, id string) (*fact.Settings, error) {
	api, err := f.host.client(wallClock{}, nil)
	if err != nil {
		return nil, err
	}
	defer api.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, settingsPatience, errNoAnswer)
	defer cancel()
	answer, err := api.ContainerInspect(ctx, id)
	switch {
	case errdefs.IsNotFound(err):
		return nil, errors.New("the engine does not know the container")
	case err != nil:
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, explain(f.host, "inspection", settingsPatience, err)
	case answer.ContainerJSONBase == nil || answer.HostConfig == nil:
		return nil, errors.New("the engine's answer has no settings")
	}
	s := settingsOf(answer)
	s.Engine, s.Layers = f.Name(), layers(ctx, api, answer.Image)
	return &s, nil
}

func settingsOf(answer dockertypes.InspectResponse) fact.Settings {
	h := answer.HostConfig
	s := fact.Settings{
		Privileged: h.Privileged, ReadOnly: h.ReadonlyRootfs,
		Modes: map[event.NamespaceType]string{
			event.Net: string(h.NetworkMode), event.PID: string(h.PidMode), event.IPC: string(h.IpcMode), event.UTS: string(h.UTSMode),
			event.User: string(h.UsernsMode), event.CgroupNS: string(h.CgroupnsMode), event.Mnt: "",
		},
		MemoryBytes: uint64(max(h.Memory, 0)), CapAdd: h.CapAdd, CapDrop: h.CapDrop, AppArmor: answer.AppArmorProfile,
		RestartCount: new(answer.RestartCount),
	}
	for _, option := range h.SecurityOpt {
		switch strings.Replace(option, ":", "=", 1) { // the older way to write it
		case "seccomp=unconfined":
			s.SeccompUnconfined = true
		case "no-new-privileges", "no-new-privileges=true":
			s.NoNewPrivs = true
		}
	}
	// The engine's value is memory and swap together. 0 is the engine's own choice, also on a host that cannot limit swap.
	switch {
	case h.MemorySwap < 0:
		s.Swap = &fact.Limit{Unlimited: true}
	case h.MemorySwap > 0 && h.Memory > 0 && h.MemorySwap >= h.Memory:
		s.Swap = &fact.Limit{Value: new(float64(h.MemorySwap - h.Memory))}
	}
	const usualPeriod = 100_000 // microseconds
	switch {
	case h.NanoCPUs > 0:
		s.CPUs = float64(h.NanoCPUs) / 1e9
	case h.CPUQuota > 0 && h.CPUPeriod > 0:
		s.CPUs = float64(h.CPUQuota) / float64(h.CPUPeriod)
	case h.CPUQuota > 0:
		s.CPUs = float64(h.CPUQuota) / usualPeriod
	}
	if h.PidsLimit != nil && *h.PidsLimit > 0 && *h.PidsLimit < math.MaxInt64 {
		s.PIDs = uint64(*h.PidsLimit)
	}
	if answer.NetworkSettings == nil {
		return s
	}
	for port, bindings := range answer.NetworkSettings.Ports {
		for _, b := range bindings {
			ip, err := netip.ParseAddr(b.HostIP)
			number, portErr := strconv.ParseUint(b.HostPort, 10, 16)
			if err != nil || portErr != nil {
				continue // the engine has not bound it
			}
			s.Ports = append(s.Ports, fact.PublishedPort{
				HostIP: ip, HostPort: uint16(number), ContainerPort: uint16(port.Int()), Protocol: port.Proto(),
			})
		}
	}
	return s
}

// layers returns the layers of an image, the lowest first. What made them is known only if as many steps of the image's
// history have a size as there are layers: the engine does not say which steps made none.
func layers(ctx context.Context, api *connection, image string) []fact.ImageLayer {
	answer, err := api.ImageInspect(ctx, image)
	if err != nil || len(answer.RootFS.Layers) == 0 {
		return nil
	}
	list := make([]fact.ImageLayer, len(answer.RootFS.Layers))
	for i, digest := range answer.RootFS.Layers {
		list[i].DiffID = cut(digest, engine.MaxDetail)
	}
	history, err := api.ImageHistory(ctx, image)
	if err != nil {
		return list
	}
	var steps []string // the latest first
	for _, step := range history {
		if step.Size > 0 {
			steps = append(steps, step.CreatedBy)
		}
	}
	if len(steps) == len(list) {
		for i, step := range steps {
			list[len(list)-1-i].CreatedBy = cut(step, engine.MaxDetail)
		}
	}
	return list
}
