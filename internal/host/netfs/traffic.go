package netfs

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Traffic returns how many bytes the interfaces of the network namespace that a process is in have received and sent, all but the
// loopback.
//
// The file is not kept open: that would keep the namespace alive.
func (r *Reader) Traffic(pid int32) (received, sent uint64, err error) {
	path := r.proc.PID(pid) + "/net/dev"
	var space [pseudofs.SmallFile]byte
	data, err := pseudofs.ReadFile(path, space[:])
	if err != nil {
		return 0, 0, err
	}
	if received, sent, err = parseTraffic(data); err != nil {
		return 0, 0, fmt.Errorf("parse %s: %w", path, err)
	}
	return received, sent, nil
}

// The place of the bytes received and sent among the numbers of an interface in /proc/net/dev.
const (
	receivedColumn = 0
	sentColumn     = 8
)

// parseTraffic adds up the lines of /proc/net/dev below its two heading lines.
func parseTraffic(data []byte) (received, sent uint64, err error) {
	for line := range bytes.Lines(data) {
		i := bytes.LastIndexByte(line, ':') // as in parseInterfaces
		if i <= 0 || bytes.ContainsRune(line, '|') || string(bytes.TrimSpace(line[:i])) == "lo" {
			continue
		}
		numbers := bytes.Fields(line[i+1:])
		if len(numbers) <= sentColumn {
			return 0, 0, fmt.Errorf("%q has %d numbers", line, len(numbers))
		}
		for column, sum := range map[int]*uint64{receivedColumn: &received, sentColumn: &sent} {
			n, err := strconv.ParseUint(string(numbers[column]), 10, 64)
			if err != nil {
				return 0, 0, err
			}
			*sum += n
		}
	}
	return received, sent, nil
}
