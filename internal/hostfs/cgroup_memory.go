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

// unlimitedFrom is where a v1 limit stops being one. No limit is PAGE_COUNTER_MAX pages, LONG_MAX
// rounded down to the page size; this is it for the largest pages that Linux has, 64 KiB.
const unlimitedFrom = math.MaxInt64 &^ (1<<16 - 1)

// Memory reads the memory state of the cgroup at path: three small files.
func (l Layout) Memory(path string) (Memory, error) {
	dirPath, err := l.directory(path)
	if err != nil {
		return Memory{}, err
	}
	dir, err := openDirectory(dirPath)
	if err != nil {
		return Memory{}, err
	}
	defer dir.close()
	if l.Controller == "" {
		return readMemoryV2(dir)
	}
	return readMemoryV1(dir)
}

func readMemoryV1(dir directory) (m Memory, err error) {
	usage, usageErr := readFact(dir, "memory.usage_in_bytes", parseBytes)
	limit, limitErr := readFact(dir, "memory.limit_in_bytes", parseBytes)
	kills, killsErr := readFact(dir, "memory.oom_control", parseOOMKills)
	m = Memory{UsageBytes: usage, LimitBytes: limit, OOMKills: kills}
	if limit != nil && *limit >= unlimitedFrom {
		m.LimitBytes, m.Unlimited = nil, true
	}
	return m, memoryError(dir, m, usageErr, limitErr, killsErr)
}

func readMemoryV2(dir directory) (m Memory, err error) {
	usage, usageErr := readFact(dir, "memory.current", parseBytes)
	limit, limitErr := readFact(dir, "memory.max", func(text string) (*uint64, error) {
		if m.Unlimited = text == "max\n"; m.Unlimited {
			return nil, nil
		}
		return parseBytes(text)
	})
	kills, killsErr := readFact(dir, "memory.events", parseOOMKills)
	m.UsageBytes, m.LimitBytes, m.OOMKills = usage, limit, kills
	return m, memoryError(dir, m, usageErr, limitErr, killsErr)
}

// readFact reads one file of a cgroup. A file that is not there leaves the fact unknown.
func readFact(dir directory, name string, parse func(text string) (*uint64, error)) (*uint64, error) {
	var space [512]byte
	data, err := dir.read(name, space[:])
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fact, err := parse(string(data))
	if err != nil {
		return nil, fmt.Errorf("parse %s/%s: %w", dir.path, name, err)
	}
	return fact, nil
}

// memoryError joins what failed. A state in which nothing is known is an error, too, when the
// reason is that the cgroup was removed since its directory was opened.
func memoryError(dir directory, m Memory, errs ...error) error {
	err := errors.Join(errs...)
	if err == nil && m == (Memory{}) {
		_, err = lstat(dir.path)
	}
	return err
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
