package nsfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// TimeOffsets holds how far the clocks of a time namespace are ahead of the host's.
type TimeOffsets struct {
	Monotonic time.Duration
	Boottime  time.Duration
}

// TimeOffsets reads the offsets of the time namespace of a process's children, which is its own except just after an unshare. A
// kernel without time namespaces has no such file: fs.ErrNotExist.
func (r *Reader) TimeOffsets(pid int32) (TimeOffsets, error) {
	path := r.proc.PID(pid) + "/timens_offsets"
	var space [256]byte
	data, err := pseudofs.ReadFile(path, space[:])
	if err != nil {
		return TimeOffsets{}, err
	}
	offsets, err := parseTimeOffsets(data)
	if err != nil {
		return TimeOffsets{}, fmt.Errorf("parse %s: %w", path, err)
	}
	return offsets, nil
}

// parseTimeOffsets reads lines of clock, seconds and nanoseconds. In a negative offset only the seconds are negative.
func parseTimeOffsets(data []byte) (TimeOffsets, error) {
	var offsets TimeOffsets
	seen := 0
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) != 3 || line[len(line)-1] != '\n' {
			return TimeOffsets{}, fmt.Errorf("%q is no line of a clock and two numbers", string(line))
		}
		var clock *time.Duration
		switch string(fields[0]) {
		case "monotonic", "1": // the kernel accepts numbers, and wrote them at first
			clock = &offsets.Monotonic
		case "boottime", "7":
			clock = &offsets.Boottime
		default:
			continue
		}
		seconds, err := strconv.ParseInt(string(fields[1]), 10, 33) // the kernel allows some 146 years
		if err != nil {
			return TimeOffsets{}, err
		}
		nanoseconds, err := strconv.ParseUint(string(fields[2]), 10, 30)
		if err != nil {
			return TimeOffsets{}, err
		}
		*clock = time.Duration(seconds)*time.Second + time.Duration(nanoseconds)
		seen++
	}
	if seen != 2 {
		return TimeOffsets{}, errors.New("not the two clocks monotonic and boottime")
	}
	return offsets, nil
}
