package fact

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// VM is a virtual machine as the host sees it: one process. What could not be found out is absent; its kernel and what runs on
// it cannot be seen.
type VM struct {
	PID  int32  `json:"pid"`
	Kind VMKind `json:"kind"`
	// Name is what its command line calls it.
	Name string `json:"name,omitempty"`
	// Manager is what runs it: ManagerKata, or nothing that is known.
	Manager string    `json:"manager,omitempty"`
	Started time.Time `json:"started,omitzero"`
	// ContainerID is that of the container whose cgroup it is in.
	ContainerID  string             `json:"container,omitempty"`
	NamespaceIDs event.NamespaceIDs `json:"namespaces,omitzero"`
	VCPUs        *int               `json:"vcpus,omitempty"`
	Acceleration Acceleration       `json:"acceleration,omitempty"`
	// MemoryBytes is what the guest has, ResidentBytes what the process takes of the host's memory.
	MemoryBytes   *uint64 `json:"memory_bytes,omitempty"`
	ResidentBytes *uint64 `json:"resident_bytes,omitempty"`
}

// VMKind is the program that runs a virtual machine or, as gVisor, a kernel of its own.
type VMKind string

// The kinds that are recognised.
const (
	KindQEMU            VMKind = "qemu"
	KindFirecracker     VMKind = "firecracker"
	KindCloudHypervisor VMKind = "cloud-hypervisor"
	KindDragonball      VMKind = "dragonball" // Kata's own, a part of its shim
	KindGVisor          VMKind = "gvisor"     // no machine, but a kernel that is a process
)

// Acceleration is what runs the code of a guest; "" is unknown.
type Acceleration string

// The accelerations.
const (
	AccelerationKVM       Acceleration = "kvm"
	AccelerationMSHV      Acceleration = "mshv" // Microsoft's hypervisor, below a Linux that is its root partition
	AccelerationEmulation Acceleration = "emulation"
)

// ManagerKata is the VM.Manager of the machines of Kata Containers.
const ManagerKata = "kata"
