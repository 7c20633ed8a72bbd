package fact

// Use holds what the kernel counts of a container, from the creation of its cgroups or its net namespace on, and what it uses at
// the time. A nil field is unknown, or was not read this time.
type Use struct {
	// CPUMicros is the CPU time in microseconds, ThrottledMicros how long it waited because its quota was used up, over all CPUs.
	CPUMicros       *uint64 `json:"cpu_us,omitempty"`
	ThrottledMicros *uint64 `json:"throttled_us,omitempty"`
	// Periods counts the periods of its quota in which something wanted to run, ThrottledPeriods those in which the quota was used up.
	Periods          *uint64 `json:"periods,omitempty"`
	ThrottledPeriods *uint64 `json:"throttled_periods,omitempty"`
	SwapBytes        *uint64 `json:"swap_bytes,omitempty"`
	// Tasks counts its processes and threads.
	Tasks *uint64 `json:"tasks,omitempty"`
	// ReceivedBytes and SentBytes are those of the interfaces of its net namespace but the loopback, where that is its own.
	ReceivedBytes *uint64 `json:"received_bytes,omitempty"`
	SentBytes     *uint64 `json:"sent_bytes,omitempty"`
	// ReadBytes and WrittenBytes are those of block devices.
	ReadBytes    *uint64 `json:"read_bytes,omitempty"`
	WrittenBytes *uint64 `json:"written_bytes,omitempty"`
	// MemoryPressure, CPUPressure and IOPressure are the share of the last ten seconds, in percent, in which some task waited.
	MemoryPressure *float64 `json:"memory_pressure,omitempty"`
	CPUPressure    *float64 `json:"cpu_pressure,omitempty"`
	IOPressure     *float64 `json:"io_pressure,omitempty"`
	// MemoryWait, CPUWait and IOWait are how long some task, or all of them, have waited so far.
	MemoryWait Wait `json:"memory_wait,omitzero"`
	CPUWait    Wait `json:"cpu_wait,omitzero"`
	IOWait     Wait `json:"io_wait,omitzero"`
}

// Wait is how long tasks of a cgroup waited for a resource, in microseconds (the totals of the kernel's pressure files). A nil field is
// unknown.
type Wait struct {
	SomeMicros *uint64 `json:"some_us,omitempty"`
	FullMicros *uint64 `json:"full_us,omitempty"`
}
