package resources

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/fact"
)

// CPUUse holds the CPU time that a cgroup and those below it took, and their limits.
type CPUUse struct {
	// QuotaCores is the cgroup's own limit in CPUs, EffectiveQuotaCores the lowest limit of the cgroup and those above it.
	QuotaCores          *fact.Limit     `json:"quota_cores,omitempty"`
	EffectiveQuotaCores *EffectiveLimit `json:"effective_quota_cores,omitempty"`
	// Weight (v2, default 100) and Shares (v1, default 1024) divide the CPUs when there are too few.
	Weight       *uint64  `json:"weight,omitempty"`
	Shares       *uint64  `json:"shares,omitempty"`
	UsageSeconds *float64 `json:"usage_seconds,omitempty"`
	// Periods counts the quota periods in which something wanted to run, ThrottledPeriods those in which the quota was used up.
	Periods          *uint64  `json:"periods,omitempty"`
	ThrottledPeriods *uint64  `json:"throttled_periods,omitempty"`
	ThrottledRatio   *float64 `json:"throttled_ratio,omitempty"` // from 0 to 1
	// ThrottledSeconds is the sum over all CPUs.
	ThrottledSeconds *float64 `json:"throttled_seconds,omitempty"`
}

const (
	microseconds = 1e6 // a second
	nanoseconds  = 1e9
)

func (r *resourceReader) cpu() *CPUUse {
	var use CPUUse
	c, found := r.cgroup("cpu")
	var throttled, usage *uint64
	stat := map[string]**uint64{"nr_periods": &use.Periods, "nr_throttled": &use.ThrottledPeriods}
	switch {
	case !found:
	case c.unconfined:
		use.EffectiveQuotaCores = tightest(c, nil, nil)
	case c.v1():
		use.QuotaCores = r.quotaV1(c.dir)
		use.EffectiveQuotaCores = tightest(c, use.QuotaCores, r.quotaV1)
		use.Shares = r.number(c.dir, "cpu.shares")
		stat["throttled_time"] = &throttled
		r.fields(c.dir, "cpu.stat", stat)
		use.ThrottledSeconds = seconds(throttled, nanoseconds)
	default:
		use.QuotaCores = r.quotaV2(c.dir)
		use.EffectiveQuotaCores = tightest(c, use.QuotaCores, r.quotaV2)
		use.Weight = r.number(c.dir, "cpu.weight")
		stat["throttled_usec"], stat["usage_usec"] = &throttled, &usage
		r.fields(c.dir, "cpu.stat", stat) // without the controller it has the usage alone
		use.ThrottledSeconds = seconds(throttled, microseconds)
		use.UsageSeconds = seconds(usage, microseconds)
	}
	if use.UsageSeconds == nil {
		use.UsageSeconds = r.cpuAccount()
	}
	if use.Periods != nil && use.ThrottledPeriods != nil && *use.Periods > 0 {
		ratio := float64(*use.ThrottledPeriods) / float64(*use.Periods)
		use.ThrottledRatio = &ratio
	}
	if use == (CPUUse{}) {
		return nil
	}
	return &use
}

// cpuAccount reads the CPU time used. The hierarchy in which v1 counts it may not be that of the limits.
func (r *resourceReader) cpuAccount() *float64 {
	c, found := r.cgroup("cpuacct")
	if !found || c.unconfined {
		return nil
	}
	if c.v1() {
		return seconds(r.number(c.dir, "cpuacct.usage"), nanoseconds)
	}
	var usage *uint64
	r.fields(c.dir, "cpu.stat", map[string]**uint64{"usage_usec": &usage})
	return seconds(usage, microseconds)
}

func (r *resourceReader) quotaV2(dir string) *fact.Limit {
	return parsed(r, dir, "cpu.max", parseCPUMax)
}

// parseCPUMax reads "quota period" in microseconds, where the quota may be "max".
func parseCPUMax(text string) (*fact.Limit, error) {
	first, second, _ := strings.Cut(text, " ")
	if first == "max" {
		return &fact.Limit{Unlimited: true}, nil
	}
	quota, err := parseBytes(first)
	if err != nil {
		return nil, fmt.Errorf("quota: %w", err)
	}
	period, err := parseBytes(second)
	if err != nil {
		return nil, fmt.Errorf("period: %w", err)
	}
	return cores(*quota, *period)
}

func (r *resourceReader) quotaV1(dir string) *fact.Limit {
	quota := parsed(r, dir, "cpu.cfs_quota_us", parseInt)
	if quota == nil {
		return nil
	}
	if *quota < 0 {
		return &fact.Limit{Unlimited: true}
	}
	period := r.number(dir, "cpu.cfs_period_us")
	if period == nil {
		return nil
	}
	limit, err := cores(uint64(*quota), *period)
	if err != nil {
		r.failed(dir, "cpu.cfs_period_us", err)
	}
	return limit
}

func cores(quota, period uint64) (*fact.Limit, error) {
	if period == 0 {
		return nil, errors.New("the period is 0")
	}
	n := float64(quota) / float64(period)
	return &fact.Limit{Value: &n}, nil
}
