package container

import "net/netip"

// Settings is what an engine was told about a container when it made it or since, in its own words.
type Settings struct {
	Privileged     bool
	ReadonlyRootfs bool
	// The modes of namespaces: "host", "container:ID", "private" and others; "" is the engine's own choice.
	NetworkMode, PIDMode, IPCMode, UTSMode, UserMode, CgroupMode string
	// Limits; 0 is none.
	MemoryBytes uint64
	// SwapBytes is how much may be swapped out; nil is unknown, unless SwapUnlimited is set.
	SwapBytes     *uint64
	SwapUnlimited bool
	CPUs          float64
	PIDs          uint64
	// CapAdd and CapDrop are as they were given.
	CapAdd, CapDrop []string
	SecurityOptions []string
	AppArmorProfile string
	Ports           []PublishedPort
	// Layers are those of its image, the lowest first; nil is unknown.
	Layers []ImageLayer
}

// PublishedPort is a port of the host that leads into a container.
type PublishedPort struct {
	HostIP                  netip.Addr
	HostPort, ContainerPort uint16
	Protocol                string
}

// ImageLayer is a layer of an image: its digest, and what made it where that is known.
type ImageLayer struct{ DiffID, CreatedBy string }
