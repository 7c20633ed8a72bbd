package fact

import "github.com/nsviz/nsviz/internal/event"

// Host is the machine that nsviz watches.
type Host struct {
	Name   string `json:"name,omitempty"`
	Kernel string `json:"kernel,omitempty"`
	// CgroupVersion is "v1", "v2" or "hybrid" (v1 controllers beside a unified hierarchy).
	CgroupVersion string `json:"cgroup_version,omitempty"`
	// Namespaces are the host's own.
	Namespaces event.NamespaceIDs `json:"namespaces,omitzero"`
	// MemoryBytes is the host's RAM.
	MemoryBytes uint64 `json:"memory_bytes,omitempty"`
	// CPUs is the number of processors.
	CPUs int `json:"cpus,omitempty"`
	// Notes say, in sentences, what cannot be seen on this host and what to do about it.
	Notes []string `json:"notes,omitempty"`
}
