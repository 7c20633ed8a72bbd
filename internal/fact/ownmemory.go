package fact

// OwnMemory holds the memory that nsviz itself may use, and what it does without.
type OwnMemory struct {
	// LimitBytes is the lowest limit of the cgroup that nsviz is in and of those above it; nil if there is none.
	LimitBytes *uint64 `json:"limit_bytes,omitempty"`
	// Cgroup has that limit; empty is a cgroup that nsviz does not see.
	Cgroup string `json:"cgroup,omitempty"`
	// Saving is the step that nsviz is at.
	Saving Saving `json:"saving,omitempty"`
}

// Saving is what nsviz does without, so that it needs less memory. Each step includes the earlier ones.
type Saving int

// The steps, in the order in which they are taken.
const (
	// SavesNothing is the usual state.
	SavesNothing Saving = iota
	// SavesPast keeps fewer ended things.
	SavesPast
	// SavesSearches keeps hardly any of them, and does not search for what keeps a namespace without processes.
	SavesSearches
)

// Savings lists the steps, without SavesNothing.
func Savings() []Saving { return []Saving{SavesPast, SavesSearches} }

// String names a step as the metrics do.
func (s Saving) String() string {
	switch s {
	case SavesPast:
		return "past"
	case SavesSearches:
		return "searches"
	}
	return "none"
}
