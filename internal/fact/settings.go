package fact

import (
	"net/netip"

	"github.com/nsviz/nsviz/internal/event"
)

// Settings holds an engine's settings of a container. The kernel's state may differ from them.
type Settings struct {
	Engine     string // its name, for people
	Privileged bool
	ReadOnly   bool // the root file system
	// Modes say whose namespaces the container uses: "host", "container:ID", "private" and others. "" is the
	// engine's own choice.
	Modes map[event.NamespaceType]string
	// MemoryBytes, CPUs and PIDs are limits; 0 is none.
	MemoryBytes uint64
	// Swap is the limit of swapped memory; nil is unknown.
	Swap *Limit
	CPUs float64
	PIDs uint64
	// CapAdd and CapDrop are names with or without CAP_, in any case, or ALL.
	CapAdd, CapDrop []string
	// SeccompUnconfined and NoNewPrivs come from its security options.
	SeccompUnconfined bool
	NoNewPrivs        bool
	// AppArmor is the profile; "" is none.
	AppArmor string
	Ports    []PublishedPort
	// RestartCount is how often the engine has restarted the container by its restart policy; nil is unknown.
	RestartCount *int
	// Layers are those of its image, the lowest first; nil is unknown.
	Layers []ImageLayer
}

// PublishedPort is a port of the host that leads into a container.
type PublishedPort struct {
	HostIP                  netip.Addr
	HostPort, ContainerPort uint16
	Protocol                string
}

// ImageLayer is a layer of an image as the engine has it; "" is unknown.
type ImageLayer struct {
	// DiffID is the digest of its contents, CreatedBy the instruction of the Dockerfile that made it.
	DiffID    string `json:"diff_id,omitempty"`
	CreatedBy string `json:"created_by,omitempty"`
}
