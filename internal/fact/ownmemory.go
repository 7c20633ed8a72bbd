package fact

// OwnMemory is what nsviz itself may use, and what it does about it.
type OwnMemory struct {
	// LimitBytes is the lowest limit of the cgroup that nsviz is in and of those above it; nil where there is none.
	LimitBytes *uint64 `json:"limit_bytes,omitempty"`
	// Cgroup has that limit; empty is one that nsviz does not see.
	Cgroup string `json:"cgroup,omitempty"`
	// Saving is the step that nsviz is at.
	Saving Saving `json:"saving,omitempty"`
}

// Saving is what nsviz does without, so that it needs less memory. Each step goes on with those before it.
type Saving int

// The steps, in the order in which they are taken.
const (
	// SavesNothing is as usual.
	SavesNothing Saving = iota
	// SavesPast keeps less of what has ended.
	SavesPast
	// SavesSearches keeps hardly any of it, and does not search for what keeps a namespace in which no process is.
	SavesSearches
)

// Savings lists the steps, without that of none.
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
