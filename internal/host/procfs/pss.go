package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// PSS returns the proportional set size of a process in bytes: its resident memory, with each page that several processes map divided among
// them. It fails with [ErrNoAnswer] if that takes too long: the kernel walks the complete memory map.
func (r *Reader) PSS(pid int32) (uint64, error) {
	dir, err := r.Open(pid)
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	data, err := r.memory.read(dir, "smaps_rollup")
	if err != nil {
		return 0, err
	}
	pss, err := parsePSS(data)
	if err != nil {
		return 0, fmt.Errorf("parse %s/smaps_rollup: %w", dir.Path(), err)
	}
	return pss, nil
}

// parsePSS finds the line Pss. Kernel threads and zombies have an empty file, and no memory.
func parsePSS(data []byte) (uint64, error) {
	if len(data) == 0 {
		return 0, nil
	}
	for line := range bytes.Lines(data) {
		value, found := bytes.CutPrefix(line, []byte("Pss:"))
		if !found {
			continue
		}
		fields := bytes.Fields(value)
		if len(fields) != 2 || string(fields[1]) != "kB" {
			return 0, fmt.Errorf("pss is %q, not a number of kB", bytes.TrimSpace(value))
		}
		kib, err := strconv.ParseUint(string(fields[0]), 10, 54) // 54 bits: the bytes fit into 64
		if err != nil {
			return 0, fmt.Errorf("pss: %w", err)
		}
		return kib << 10, nil
	}
	return 0, errors.New("no line Pss")
}
