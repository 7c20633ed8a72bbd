package cri

import (
	"context"
	"fmt"
	"strings"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/fact"
)

// maxEvents is how many events wait for the session. The engine holds back the others.
const maxEvents = 256

// actions are the engine's actions that are reported. The kernel shows a creation sooner, and the list has its name.
var actions = map[cri.ContainerEventType]fact.EngineAction{
	cri.ContainerEventType_CONTAINER_STARTED_EVENT: fact.ActionStart,
	cri.ContainerEventType_CONTAINER_STOPPED_EVENT: fact.ActionDie,
	cri.ContainerEventType_CONTAINER_DELETED_EVENT: fact.ActionRemove,
}

// sharesEvents reports whether an engine gives each event to all that listen. Before containerd 2 (containerd#9661) and CRI-O 1.28
// (cri-o#6838) one of them gets it: nsviz would take it from the kubelet.
func sharesEvents(name, version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(strings.TrimPrefix(version, "v"), "%d.%d", &major, &minor); err != nil {
		return false
	}
	switch name {
	case runtime.Containerd:
		return major >= 2
	case runtime.CRIO:
		return major > 1 || major == 1 && minor >= 28
	}
	return false
}

// subscribe passes the engine's events on until ctx ends or the engine ends them, as it does where they are switched off, and closes the
// channel. Then the list shows what they would have.
func (s *session) subscribe(ctx context.Context, events chan<- *cri.ContainerEventResponse) {
	defer close(events)
	stream, err := s.engine.GetContainerEvents(ctx, &cri.GetEventsRequest{})
	for err == nil {
		var e *cri.ContainerEventResponse
		if e, err = stream.Recv(); err == nil {
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
	}
	s.status.Log.Debug("the engine has no events", "error", err)
}

// event passes on an event. It reports whether the list is to be read.
func (s *session) event(e *cri.ContainerEventResponse) bool {
	id, at := e.GetContainerId(), time.Unix(0, e.GetCreatedAt()).UTC()
	if !container.IsHash(id) {
		return false
	}
	// Earlier ones, which containerd keeps for whoever comes, are of no use: what they are about is in the list.
	if action, ok := actions[e.GetContainerEventType()]; ok && at.After(s.began) {
		s.status.Sink.Did(fact.EngineEvent{ID: id, Action: action, At: at})
	}
	switch e.GetContainerEventType() {
	case cri.ContainerEventType_CONTAINER_CREATED_EVENT, cri.ContainerEventType_CONTAINER_STARTED_EVENT:
		_, known := s.listed[id]
		return !known
	}
	return false
}
