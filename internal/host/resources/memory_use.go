package resources

import "github.com/nsviz/nsviz/internal/fact"

// MemoryUse holds what a cgroup and those below it are charged for, and their limits.
type MemoryUse struct {
	CurrentBytes *uint64 `json:"current_bytes,omitempty"`
	PeakBytes    *uint64 `json:"peak_bytes,omitempty"` // since its creation, or a reset
	// HighBytes is the use from which the kernel slows the processes down; v1 has no such limit.
	HighBytes *fact.Limit `json:"high_bytes,omitempty"`
	// MaxBytes is the cgroup's own limit, EffectiveMaxBytes the lowest limit of the cgroup and those above it.
	MaxBytes          *fact.Limit     `json:"max_bytes,omitempty"`
	EffectiveMaxBytes *EffectiveLimit `json:"effective_max_bytes,omitempty"`
	SwapBytes         *uint64         `json:"swap_bytes,omitempty"`
	// On v1, SwapMaxBytes is the limit of memory and swap together minus that of memory.
	SwapMaxBytes *fact.Limit   `json:"swap_max_bytes,omitempty"`
	AnonBytes    *uint64       `json:"anon_bytes,omitempty"`
	FileBytes    *uint64       `json:"file_bytes,omitempty"`   // including shared memory and tmpfs
	KernelBytes  *uint64       `json:"kernel_bytes,omitempty"` // including slab, stacks and page tables
	SlabBytes    *uint64       `json:"slab_bytes,omitempty"`
	Events       *MemoryEvents `json:"events,omitempty"`
}

// MemoryEvents holds the kernel's own counts from memory.events. v1 has only Max (the failcnt) and OOMKill, and counts the cgroup
// alone, without those below it.
type MemoryEvents struct {
	Low          *uint64 `json:"low,omitempty"`
	High         *uint64 `json:"high,omitempty"`
	Max          *uint64 `json:"max,omitempty"` // the limit was reached
	OOM          *uint64 `json:"oom,omitempty"` // and nothing could be reclaimed
	OOMKill      *uint64 `json:"oom_kill,omitempty"`
	OOMGroupKill *uint64 `json:"oom_group_kill,omitempty"`
}

func (r *resourceReader) memory() *MemoryUse {
	c, found := r.cgroup("memory")
	if !found {
		return nil
	}
	var m MemoryUse
	switch {
	case c.unconfined:
	case c.v1():
		m = r.memoryV1(c)
	default:
		m = r.memoryV2(c)
	}
	if m == (MemoryUse{}) {
		return nil
	}
	return &m
}

func (r *resourceReader) memoryV2(c cgroupIn) (m MemoryUse) {
	m.CurrentBytes = r.number(c.dir, "memory.current")
	m.PeakBytes = r.number(c.dir, "memory.peak") // since Linux 5.19
	m.HighBytes = r.limit(c.dir, "memory.high")
	m.MaxBytes = r.limit(c.dir, "memory.max")
	m.EffectiveMaxBytes = tightest(c, m.MaxBytes, func(dir string) *fact.Limit { return r.limit(dir, "memory.max") })
	m.SwapBytes = r.number(c.dir, "memory.swap.current") // missing without swap accounting
	m.SwapMaxBytes = r.limit(c.dir, "memory.swap.max")
	if c.path != "/" { // the root's memory.stat is the host's
		r.fields(c.dir, "memory.stat", map[string]**uint64{
			"anon": &m.AnonBytes, "file": &m.FileBytes, "slab": &m.SlabBytes,
			"kernel": &m.KernelBytes, // since Linux 5.18
		})
	}
	var e MemoryEvents
	if r.fields(c.dir, "memory.events", map[string]**uint64{
		"low": &e.Low, "high": &e.High, "max": &e.Max, "oom": &e.OOM,
		"oom_kill": &e.OOMKill, "oom_group_kill": &e.OOMGroupKill,
	}) {
		m.Events = &e
	}
	return m
}

func (r *resourceReader) memoryV1(c cgroupIn) (m MemoryUse) {
	m.CurrentBytes = r.number(c.dir, "memory.usage_in_bytes")
	m.PeakBytes = r.number(c.dir, "memory.max_usage_in_bytes")
	m.MaxBytes = r.limit(c.dir, "memory.limit_in_bytes")
	m.KernelBytes = r.number(c.dir, "memory.kmem.usage_in_bytes")
	both := r.limit(c.dir, "memory.memsw.limit_in_bytes") // missing without swap accounting
	m.SwapMaxBytes = swapBeyond(both, m.MaxBytes)
	// The lines without total_ are the cgroup's alone, but usage includes those below.
	var hierarchical *uint64
	r.fields(c.dir, "memory.stat", map[string]**uint64{
		"total_rss": &m.AnonBytes, "total_cache": &m.FileBytes, "total_swap": &m.SwapBytes,
		"hierarchical_memory_limit": &hierarchical,
	})
	if both == nil {
		m.SwapBytes = nil // memory.stat says 0 then
	}
	m.EffectiveMaxBytes = r.effectiveMaxV1(c, m.MaxBytes, hierarchical)
	e := MemoryEvents{Max: r.number(c.dir, "memory.failcnt")}
	r.fields(c.dir, "memory.oom_control", map[string]**uint64{"oom_kill": &e.OOMKill}) // since Linux 4.13
	if e != (MemoryEvents{}) {
		m.Events = &e
	}
	return m
}

// effectiveMaxV1 returns the limit that applies. hierarchical is what the kernel reports as such: it includes limits above a
// partial mount, but does not show whose limit it is.
func (r *resourceReader) effectiveMaxV1(c cgroupIn, own *fact.Limit, hierarchical *uint64) *EffectiveLimit {
	// Before Linux 5.11 (bef8620cd8e0) a cgroup could be set to ignore the limits above it.
	apart := false
	limit := tightest(c, own, func(dir string) *fact.Limit {
		if use := r.number(dir, "memory.use_hierarchy"); use != nil && *use == 0 {
			apart = true
		}
		if apart {
			return nil
		}
		return r.limit(dir, "memory.limit_in_bytes")
	})
	if limit == nil || hierarchical == nil {
		return limit
	}
	if *hierarchical < unlimitedFrom && (limit.Value == nil || float64(*hierarchical) < *limit.Value) {
		return &EffectiveLimit{Limit: fact.Limit{Value: new(float64(*hierarchical))}}
	}
	limit.Partial = false
	return limit
}

// swapBeyond returns the limit of swap alone from those of v1, which cover memory and swap together. Engines count so, too.
func swapBeyond(both, memory *fact.Limit) *fact.Limit {
	switch {
	case both == nil || memory == nil:
		return nil
	case both.Unlimited:
		return &fact.Limit{Unlimited: true}
	case memory.Value == nil || *memory.Value > *both.Value:
		return nil // the kernel refuses that: a limit was written between the two reads
	}
	swap := *both.Value - *memory.Value
	return &fact.Limit{Value: &swap}
}
