package hostfs

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Memory is what a cgroup is charged for and may use. A nil field is unknown: the cgroup has no
// memory controller, or it is the root, which lacks some of the files.
type Memory struct {
	UsageBytes *uint64
	// LimitBytes is nil where there is no limit, too; Unlimited tells the two apart.
	LimitBytes *uint64
	Unlimited  bool
	// OOMKills is how many processes the OOM killer took from the cgroup since it was made. On v2
	// that includes those of cgroups below it, also of removed ones; on v1 it is this one's alone.
	OOMKills *uint64
}

// Limit is the limit; nil is unknown.
func (m Memory) Limit() *Limit[uint64] {
	if m.LimitBytes == nil && !m.Unlimited {
		return nil
	}
	return &Limit[uint64]{Value: m.LimitBytes, Unlimited: m.Unlimited}
}

// unlimitedFrom is where a v1 limit stops being one. No limit is PAGE_COUNTER_MAX pages, LONG_MAX
// rounded down to the page size; this is it for the largest pages that Linux has, 64 KiB.
const unlimitedFrom = math.MaxInt64 &^ (1<<16 - 1)

// Memory reads the memory state of the cgroup at path: three small files.
func (l Layout) Memory(path string) (m Memory, err error) {
	w, err := l.Watch(path)
	if err != nil {
		return Memory{}, err
	}
	defer w.Close()
	err = errors.Join(w.Charge(&m), w.Limit(&m))
	return m, err
}

func parseBytes(text string) (*uint64, error) {
	n, err := strconv.ParseUint(strings.TrimSuffix(text, "\n"), 10, 64)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// parseOOMKills finds the line "oom_kill n". It returns nil where there is none: cgroup v1 has it
// since Linux 4.13.
func parseOOMKills(text string) (*uint64, error) {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, "oom_kill "); found {
			kills, err := parseBytes(value)
			if err != nil {
				return nil, fmt.Errorf("oom_kill: %w", err)
			}
			return kills, nil
		}
	}
	return nil, nil
}
