package container

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// Identity is what an engine says of one of its containers.
type Identity struct {
	ID      string `json:"id"` // the full id
	Runtime string `json:"runtime"`
	Name    string `json:"name,omitempty"` // without Docker's leading slash
	Image   string `json:"image,omitempty"`
	// Labels are the engine's: all of them or, in a Directory, those that are kept. They are replaced, never changed.
	Labels map[string]string `json:"labels,omitempty"`
	// Kind is event.KindPod for what the containers of a pod share, a sandbox or an infra container; "" is a container.
	Kind event.Kind `json:"kind,omitempty"`
	// Group is the pod or project that it is a member of; nil is none. It is replaced, never changed.
	Group *event.Group `json:"group,omitempty"`
	// Created is when the engine was told to make it, by the engine's clock; zero where it did not say.
	Created time.Time `json:"created,omitzero"`
}
