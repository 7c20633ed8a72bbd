package event

// Container identifies a workload: processes that the kernel isolates from the host's own.
type Container struct {
	// ID is what its runtime calls it: 64 hexadecimal digits for most engines, a name for others.
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Kind is the kind of workload; "" is a container.
	Kind    Kind   `json:"kind,omitempty"`
	Image   string `json:"image,omitempty"`
	Runtime string `json:"runtime,omitempty"`
	// Group is the pod or project that it is a member of; nil is none, or unknown.
	Group *Group `json:"group,omitempty"`
	// Labels are those of its engine that nsviz was told to keep; they are replaced, never changed.
	Labels map[string]string `json:"labels,omitempty"`
	// Parent is the container that it runs in, as with Docker in Docker; nil is none.
	Parent *Container `json:"parent,omitempty"`
}

// Kind is a kind of workload.
type Kind string

// The kinds of workloads.
const (
	KindContainer Kind = "container" // made by a container runtime
	KindPod       Kind = "pod"       // what the containers of a pod share: its sandbox or infra container
	KindVM        Kind = "vm"        // a virtual machine, as the host sees it
	KindSandbox   Kind = "sandbox"   // namespaces of its own, without a container runtime
	KindService   Kind = "service"   // a unit of systemd with namespaces of its own
)

// Group is a set of workloads that belong together.
type Group struct {
	Kind GroupKind `json:"kind"`
	Name string    `json:"name"`
	// Namespace is the Kubernetes namespace of a pod; "" is none.
	Namespace string `json:"namespace,omitempty"`
	// Member is what the workload is called in the group: the service of a compose project, the container of a Kubernetes pod; "" is unknown.
	Member string `json:"member,omitempty"`
}

// GroupKind is a kind of group.
type GroupKind string

// The kinds of groups.
const (
	GroupPod     GroupKind = "pod"
	GroupCompose GroupKind = "compose"
	GroupProgram GroupKind = "program" // what one program isolates of itself, as a browser does
)

// Path returns how a user writes the group: "namespace/name" or "name"; "" is no group.
func (g *Group) Path() string {
	switch {
	case g == nil:
		return ""
	case g.Namespace != "":
		return g.Namespace + "/" + g.Name
	}
	return g.Name
}

// MemberPath returns how a user writes the member of the group: "namespace/name/member" or "name/member"; "" is unknown.
func (g *Group) MemberPath() string {
	if g == nil || g.Member == "" {
		return ""
	}
	return g.Path() + "/" + g.Member
}

// Equal reports whether two groups are the same, with the same member; both may be nil.
func (g *Group) Equal(other *Group) bool {
	if g == nil || other == nil {
		return g == other
	}
	return *g == *other
}

// Label returns the container's name, or its short id while the name is unknown.
func (c *Container) Label() string {
	if c == nil {
		return ""
	}
	if c.Name != "" {
		return c.Name
	}
	return ShortID(c.ID)
}

// ShortID cuts a container id to the usual twelve characters.
func ShortID(id string) string {
	if len(id) == 64 {
		return id[:12]
	}
	return id
}
