package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/resources"
)

func TestResourceLines(t *testing.T) {
	n := func(n uint64) *uint64 { return &n }
	x := func(x float64) *float64 { return &x }
	none := &fact.Limit{Unlimited: true}
	for name, test := range map[string]struct {
		resources resources.Resources
		want      string
	}{
		"nothing": {resources.Resources{Cgroup: "/a"}, "memory: unknown\ncpu: unknown\npids: unknown\nio: unknown\npressure: unknown"},
		"no limits": {resources.Resources{
			Cgroup: "/a",
			Memory: &resources.MemoryUse{CurrentBytes: n(1 << 20), MaxBytes: none, EffectiveMaxBytes: &resources.EffectiveLimit{Limit: *none}, SwapMaxBytes: none},
			CPU:    &resources.CPUUse{QuotaCores: &fact.Limit{Unlimited: true}, Shares: n(1024)},
			PIDs:   &resources.PIDsUse{Current: n(3), EffectiveMax: &resources.EffectiveLimit{Limit: fact.Limit{Unlimited: true}, Partial: true}},
			IO:     &resources.IOUse{},
		}, "memory: 1 MiB in use, no limit, swap unlimited\ncpu: no quota, shares 1024\n" +
			"pids: 3 in use, no limit as far as is visible\nio: unknown\npressure: unknown"},
		"limits": {resources.Resources{
			Cgroup: "/a/b",
			Memory: &resources.MemoryUse{
				CurrentBytes: n(1 << 20), PeakBytes: n(3 << 20), HighBytes: &fact.Limit{Value: x(4 << 20)},
				MaxBytes: &fact.Limit{Value: x(64 << 20)}, EffectiveMaxBytes: &resources.EffectiveLimit{Limit: fact.Limit{Value: x(32 << 20)}, Cgroup: "/a\x1b"},
				SwapBytes: n(0), SwapMaxBytes: &fact.Limit{Value: x(0)}, AnonBytes: n(4096), FileBytes: n(8192),
				Events: &resources.MemoryEvents{Max: n(7), OOMKill: n(1)},
			},
			CPU: &resources.CPUUse{
				QuotaCores: &fact.Limit{Value: x(0.5)}, EffectiveQuotaCores: &resources.EffectiveLimit{Limit: fact.Limit{Value: x(0.5)}, Cgroup: "/a/b"},
				Weight: n(100), UsageSeconds: x(2.5), ThrottledRatio: x(0.25), ThrottledSeconds: x(1.25),
			},
			PIDs: &resources.PIDsUse{Max: none, EffectiveMax: &resources.EffectiveLimit{Limit: fact.Limit{Value: x(50)}, Cgroup: "/a"}},
			IO:   &resources.IOUse{IOCounts: resources.IOCounts{ReadBytes: n(4096), Reads: n(1), WriteBytes: n(0)}},
			Pressure: &resources.Pressures{
				CPU:    &resources.Pressure{Some: &resources.Stall{Avg10: x(1.5)}},
				Memory: &resources.Pressure{Some: &resources.Stall{Avg10: x(0)}, Full: &resources.Stall{Avg10: x(0)}},
			},
		}, "memory: 1 MiB in use, at most 3 MiB so far, limit 32 MiB set by /a\\x1b (its own: 64 MiB), slowed down from 4 MiB on, " +
			"0 B in swap, no swap allowed, limit reached 7 times, OOM-killed once\n  of it 4 KiB anonymous, 8 KiB of files\n" +
			"cpu: 2.5 s used, quota 0.5 cores, weight 100, throttled in 25 % of the periods for 1.25 s\n" +
			"pids: limit 50 set by /a (its own: none)\nio: 4 KiB read in 1 request, 0 B written\n" +
			"pressure: waiting in the last 10 s: memory 0 % (all tasks 0 %), cpu 1.5 %, io unknown"},
	} {
		var lines []string
		for _, line := range resourceLines(test.resources) {
			if line.Subject == "" {
				lines = append(lines, "  "+line.Words)
				continue
			}
			lines = append(lines, line.Subject+": "+line.Words)
		}
		if diff := cmp.Diff(test.want, strings.Join(lines, "\n")); diff != "" {
			t.Error(name, diff)
		}
	}
}
