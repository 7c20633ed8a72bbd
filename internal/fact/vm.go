package fact

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// VM is a virtual machine as the host sees it: one process. Unknown fields are absent; its kernel and the programs on
// it cannot be seen.
type VM struct {
	PID  int32  `json:"pid"`
	Kind VMKind `json:"kind"`
	// Name is its name on its command line.
	Name string `json:"name,omitempty"`
	// Manager is the software that runs it: ManagerKata, or "" for unknown.
	Manager string    `json:"manager,omitempty"`
	Started time.Time `json:"started,omitzero"`
	// ContainerID is the id of the container whose cgroup it is in.
	ContainerID  string             `json:"container,omitempty"`
	NamespaceIDs event.NamespaceIDs `json:"namespaces,omitzero"`
	VCPUs        *int               `json:"vcpus,omitempty"`
	Acceleration Acceleration       `json:"acceleration,omitempty"`
	// MemoryBytes is the guest's memory, ResidentBytes the process's share of the host's memory.
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

// Acceleration is the way in which a guest's code is run; "" is unknown.
type Acceleration string

// The accelerations.
const (
	AccelerationKVM       Acceleration = "kvm"
	AccelerationMSHV      Acceleration = "mshv" // Microsoft's hypervisor, below a Linux that is its root partition
	AccelerationEmulation Acceleration = "emulation"
)

// ManagerKata is the VM.Manager of the machines of Kata Containers.
const ManagerKata = "kata"
