package fact

// Resource is the kind of thing that a limit bounds.
type Resource string

// The resources whose limits are followed.
const (
	ResourceMemory Resource = "memory" // bytes
	ResourceSwap   Resource = "swap"   // bytes
	ResourceCPU    Resource = "cpu"    // cores
	ResourcePIDs   Resource = "pids"   // processes and threads
)

// ResourceCount is how many resources there are.
const ResourceCount = 4

// Resources lists them in the order in which they are shown.
func Resources() [ResourceCount]Resource {
	return [...]Resource{ResourceMemory, ResourceSwap, ResourceCPU, ResourcePIDs}
}

// Limit is a known limit: a value, or none.
type Limit struct {
	Value     *float64 `json:"value,omitempty"`
	Unlimited bool     `json:"unlimited,omitempty"`
}

// Equal reports whether two limits are the same.
func (l Limit) Equal(other Limit) bool {
	if l.Value == nil || other.Value == nil {
		return l.Value == other.Value && l.Unlimited == other.Unlimited
	}
	return *l.Value == *other.Value && l.Unlimited == other.Unlimited
}
