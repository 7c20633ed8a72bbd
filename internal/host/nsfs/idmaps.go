package nsfs

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// IDRange is one line of a user namespace's map: it maps Count ids, those from Inside on to those from Outside on.
type IDRange struct {
	Inside  uint32 `json:"inside"`
	Outside uint32 `json:"outside"`
	Count   uint32 `json:"count"`
}

// IDMaps reads the maps of a process's user namespace. Outside is the reader's user namespace, or the parent if the reader is in
// the same namespace as the process. A namespace without a map yet has none.
func (r *Reader) IDMaps(pid int32) (uids, gids []IDRange, err error) {
	dir, err := r.proc.OpenPID(pid)
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	for name, into := range map[string]*[]IDRange{"uid_map": &uids, "gid_map": &gids} {
		var space [pseudofs.SmallFile]byte
		data, err := dir.Read(name, space[:])
		if err != nil {
			return nil, nil, err
		}
		if *into, err = parseIDMap(data); err != nil {
			return nil, nil, fmt.Errorf("parse %s/%s: %w", dir.Path(), name, err)
		}
	}
	return uids, gids, nil
}

func parseIDMap(data []byte) ([]IDRange, error) {
	var ranges []IDRange
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) != 3 || line[len(line)-1] != '\n' {
			return nil, fmt.Errorf("%q is no line of three numbers", string(line))
		}
		var n [3]uint32
		for i, field := range fields {
			id, err := strconv.ParseUint(string(field), 10, 32)
			if err != nil {
				return nil, err
			}
			n[i] = uint32(id)
		}
		ranges = append(ranges, IDRange{Inside: n[0], Outside: n[1], Count: n[2]})
	}
	return ranges, nil
}

// HasOutsideID reports whether a user or group of the host has a number inside.
func HasOutsideID(ranges []IDRange, outside uint32) bool {
	return slices.ContainsFunc(ranges, func(r IDRange) bool { return outside >= r.Outside && outside-r.Outside < r.Count })
}

// OutsideID returns the outside id of an inside id, and false if it is not mapped.
func OutsideID(ranges []IDRange, inside uint32) (uint32, bool) {
	for _, r := range ranges {
		if inside >= r.Inside && inside-r.Inside < r.Count {
			return r.Outside + (inside - r.Inside), true
		}
	}
	return 0, false
}
