package story

import (
	"fmt"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// Sender is the kind of process that sent a signal to a container's PID 1.
type Sender string

// The kinds of sender. A process in a container is known by its place, one of the host by its name: a process in a
// container that calls itself runc is not the engine.
const (
	SenderUnknown     Sender = ""
	SenderInside      Sender = "inside"       // a process of the container itself
	SenderContainer   Sender = "container"    // one of another container
	SenderEngine      Sender = "engine"       // the container's engine or its runtime
	SenderKubelet     Sender = "kubelet"      // Kubernetes, which evicts
	SenderSystemdOOMD Sender = "systemd-oomd" // systemd's watcher of memory pressure
	SenderEarlyOOM    Sender = "earlyoom"     // a daemon that kills before the kernel has to
	SenderSystemd     Sender = "systemd"      // stopping the scope that the container is in
	SenderHost        Sender = "host"         // any other process of the host
	// SenderUnattributed is a process that may or may not be in a container.
	SenderUnattributed Sender = "unattributed"
)

// SenderOf returns the kind of the process that sent a signal to the PID 1 of the container with an id.
func SenderOf(by *event.Process, id string) Sender {
	switch {
	case by == nil || by.PID == 0 && by.Comm == "":
		return SenderUnknown
	case by.Container != nil && by.Container.ID == id:
		return SenderInside
	case by.Container != nil:
		return SenderContainer
	case by.ContainerUnknown:
		return SenderUnattributed
	}
	switch {
	case runtime.IsOwn(by.Comm):
		return SenderEngine
	case by.Comm == "systemd-oomd":
		return SenderSystemdOOMD
	case by.Comm == "earlyoom":
		return SenderEarlyOOM
	case by.Comm == "kubelet":
		return SenderKubelet
	case by.Comm == "systemd":
		return SenderSystemd
	}
	return SenderHost
}

// process names a process with all that is known of it.
func process(by *event.Process) Text {
	name := by.Comm
	if name == "" {
		name = someProcess
	}
	t := text(Strong, name)
	var facts []string
	if by.PID != 0 {
		facts = append(facts, fmt.Sprintf("PID %d", by.PID))
	}
	if by.UID != nil {
		facts = append(facts, fmt.Sprintf("uid %d", *by.UID))
	}
	if len(facts) > 0 {
		t = t.add(Plain, " ("+strings.Join(facts, ", ")+")")
	}
	return t
}

// signalName returns what people call a signal.
func signalName(signal int32) string {
	if name := unix.SignalName(syscall.Signal(signal)); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", signal)
}
