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

// Verdict is what an engine says of a container's end, or of a start that failed. What it does not say is nil.
type Verdict struct {
	ID        string
	ExitCode  *int32
	OOMKilled *bool
	// Removed is set where the engine knew the container no more when it was asked.
	Removed bool
	// StartError is why the engine could not start it, in its words. ExitCode is then what the engine made up.
	StartError string
}
