package container

import "time"

// Identity is what an engine says of one of its containers.
type Identity struct {
	ID      string            `json:"id"` // the full id
	Runtime string            `json:"runtime"`
	Name    string            `json:"name,omitempty"` // without Docker's leading slash
	Image   string            `json:"image,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	// Created is when the engine was told to make it, by the engine's clock; zero where it did not say.
	Created time.Time `json:"created,omitzero"`
}
