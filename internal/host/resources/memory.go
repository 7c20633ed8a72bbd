package resources

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

// Memory holds what a cgroup is charged for and may use. A nil field is unknown: the cgroup has no memory controller, or it is
// the root, which lacks some of the files.
type Memory struct {
	UsageBytes *uint64
	// LimitBytes is nil if it is unknown or there is no limit; Unlimited distinguishes the two.
	LimitBytes *uint64
	Unlimited  bool
	// OOMKills counts the processes that the OOM killer took from the cgroup since its creation. On v2 it includes the cgroups
	// below, also removed ones; on v1 it counts this cgroup alone.
	OOMKills *uint64
	// UnderOOM reports whether processes wait for memory that a limit refuses, the cgroup's own or one above. OOMKillOff reports
	// whether the OOM killer is off for its own limit. Both exist on v1 alone.
	UnderOOM, OOMKillOff *bool
}

// Limit returns the limit; nil is unknown.
func (m Memory) Limit() *fact.Limit {
	if m.LimitBytes == nil && !m.Unlimited {
		return nil
	}
	if m.Unlimited {
		return &fact.Limit{Unlimited: true}
	}
	return &fact.Limit{Value: new(float64(*m.LimitBytes))}
}

// unlimitedFrom is the value from which a v1 limit means no limit. The kernel reports PAGE_COUNTER_MAX pages, LONG_MAX rounded
// down to the page size; this is that value for the largest pages of Linux, 64 KiB.
const unlimitedFrom = math.MaxInt64 &^ (1<<16 - 1)

// Memory reads the memory state of the cgroup at path: three small files.
func (l Hierarchies) Memory(path string) (m Memory, err error) {
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

// parseOOMKills finds the line "oom_kill n". It returns nil if there is none: cgroup v1 has it since Linux 4.13.
func parseOOMKills(text string) (*uint64, error) { return parseField(text, "oom_kill") }

// parseField finds a line "key number"; it returns nil if there is none.
func parseField(text, key string) (*uint64, error) {
	for line := range strings.Lines(text) {
		value, found := strings.CutPrefix(line, key)
		if !found || !strings.HasPrefix(value, " ") {
			continue
		}
		n, err := parseBytes(value[1:])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		return n, nil
	}
	return nil, nil
}

// parseFlag is parseField for a number that is 0 or 1.
func parseFlag(text, key string) (*bool, error) {
	n, err := parseField(text, key)
	if n == nil || err != nil {
		return nil, err
	}
	return new(*n != 0), nil
}

// StuckAt finds the cgroup at whose limit processes of the cgroup at path wait for memory that is not freed: that cgroup or one
// above it, with its limit reached and its OOM killer off. It returns "" if there is none, and nil if m, which was read from the
// cgroup at path, does not show it.
func (l Hierarchies) StuckAt(path string, m *Memory) *string {
	if m.UnderOOM == nil {
		return nil
	}
	at := ""
	// A cgroup at its limit is under OOM with all those below it, and none above. A new cgroup has the OOM killer off if it is
	// off above.
	for above := *m; above.UnderOOM != nil && *above.UnderOOM; {
		if above.OOMKillOff != nil && *above.OOMKillOff {
			at = path
		}
		if path == l.Top() || path == "/" {
			break
		}
		path = cgroupfs.Parent(path)
		w, err := l.Watch(path)
		if err != nil {
			return nil // gone meanwhile
		}
		err = w.Charge(&above)
		w.Close()
		if err != nil {
			return nil
		}
	}
	return &at
}
