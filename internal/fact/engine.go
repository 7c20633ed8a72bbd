package fact

import (
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// EngineState is whether a container engine answers.
type EngineState string

// The states of a container engine.
const (
	EngineConnected  EngineState = "connected"
	EngineConnecting EngineState = "connecting" // not asked yet, or being asked again
	EngineAbsent     EngineState = "absent"     // nothing listens there
	EngineFailing    EngineState = "failing"    // it is there and does not answer as it should
	EngineForgotten  EngineState = "forgotten"  // its socket is gone, and it is followed no more
)

// Engine is a container engine that nsviz asks for names.
type Engine struct {
	Name string `json:"name"` // of its runtime: "docker"
	// Address tells engines of one name apart, unix:///path or tcp://host:port; absent in recordings of versions that knew one engine.
	Address string `json:"address,omitempty"`
	// User is the uid of the user whose own engine it is; 0 is the host's.
	User   uint32      `json:"user,omitempty"`
	State  EngineState `json:"state"`
	Detail string      `json:"detail,omitempty"` // its version, or what went wrong
}

// Is reports whether two reports are about the same engine. An engine is known by its address: its name shows only when it answers.
func (e Engine) Is(other Engine) bool {
	return e.Address == other.Address && (e.Address != "" || e.Name == other.Name)
}

// Label returns what to call an engine among others: its name, and its address if another one has the same name.
func (e Engine) Label(among []Engine) string {
	for _, other := range among {
		if other.Name == e.Name && !e.Is(other) {
			return e.Name + " at " + strings.TrimPrefix(e.Address, "unix://")
		}
	}
	return e.Name
}

// EngineReport holds what an engine reports about a container's end, or about a start that failed, or how often it has restarted one
// that runs. It may be wrong. Fields that it does not report are nil.
type EngineReport struct {
	ID        string `json:"id,omitempty"` // absent in the history of a container
	ExitCode  *int32 `json:"exit_code,omitempty"`
	OOMKilled *bool  `json:"oom_killed,omitempty"`
	// Removed is set if the engine no longer knew the container when it was asked.
	Removed bool `json:"removed,omitempty"`
	// RestartCount is how often the engine has restarted the container by its restart policy.
	RestartCount *int `json:"restart_count,omitempty"`
	// Runs is set if it is about a container that runs. It has a RestartCount and nothing else then.
	Runs bool `json:"runs,omitempty"`
	// StartError is the reason, in the engine's words, why it could not start the container; ExitCode is then made up by the engine.
	StartError string `json:"start_error,omitempty"`
}

// EngineEvent reports what an engine did with a container.
type EngineEvent struct {
	ID     string       `json:"id"`
	Action EngineAction `json:"action"`
	// At is when, by the engine's own clock, the wall clock; zero in recordings of versions that did not keep it.
	At time.Time `json:"at,omitzero"`
	// Container identifies the container, if the action created it.
	Container *event.Container `json:"container,omitempty"`
}
