package container

import (
	"fmt"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// Source is where an identity comes from. Of two, the lower one counts.
type Source uint8

// The sources of identities, the best one first.
const (
	// SourceEngine is the engine itself, which was asked. It is the zero value.
	SourceEngine Source = iota
	// SourceFiles are the files of a runtime.
	SourceFiles
	// SourceCommandLine is the command line of a process that is in charge of the container.
	SourceCommandLine
)

// Identity is what an engine, or a file of one, says of one of its containers.
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
	// CgroupEnd is how the path of the container's cgroup ends, as its runtime was told to make it; "" is unknown.
	CgroupEnd string `json:"-"`
	// User is the uid of the user whose own engine says so; 0 is the host's. Of a user's engine it is believed if the container's
	// cgroup is in the user's slice, or if it has none and its user namespace is the user's.
	User uint32 `json:"-"`
	// Source is who says it.
	Source Source `json:"-"`
}

// mayName reports whether it is the identity of that container.
func (id *Identity) mayName(ref *Ref) bool {
	if ref.User != 0 { // which has an id of the user's choice
		return id.User == ref.User
	}
	return id.User == 0 || inSliceOf(ref.Root, id.User)
}

// isOf reports whether it is the identity of the container that ref names, if the id is a name of the user's choice. Other runtimes may
// have containers with that id, and an engine's are seen as those of the low-level runtime that it calls.
func (id *Identity) isOf(ref *Ref) bool {
	return id.Runtime == ref.Runtime || runtime.IsLowLevel(ref.Runtime) && id.CgroupEnd != "" && strings.HasSuffix(ref.Root, id.CgroupEnd)
}

// inSliceOf reports whether a cgroup is one of a user's own: systemd gives each user a slice.
func inSliceOf(path string, uid uint32) bool {
	return strings.Contains(path, fmt.Sprintf("/user-%d.slice/", uid))
}
