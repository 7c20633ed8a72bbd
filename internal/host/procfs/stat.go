package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// ClockTick is the unit of start times: USER_HZ is 100 on every architecture that nsviz runs on.
const ClockTick = 10 * time.Millisecond

// Stat holds what nsviz reads from /proc/PID/stat.
type Stat struct {
	PID  int32
	Comm string
	// State is the kernel's letter: R, S, D, Z and so on.
	State byte
	PPID  int32
	// StartTime counts ClockTicks since boot.
	StartTime uint64
}

// Stat reads a process's stat file, the cheapest source of its parent and its start time.
func (r *Reader) Stat(pid int32) (Stat, error) {
	dir, err := r.proc.OpenPID(pid)
	if err != nil {
		return Stat{}, err
	}
	defer dir.Close()
	var space [pseudofs.SmallFile]byte
	return readStat(dir, space[:])
}

// StartTime reads when a process started, in clock ticks since boot. It distinguishes the process from a later one with the same
// PID.
func (r *Reader) StartTime(pid int32) (uint64, error) {
	stat, err := r.Stat(pid)
	return stat.StartTime, err
}

func readStat(dir pseudofs.Dir, buf []byte) (Stat, error) {
	data, err := dir.Read("stat", buf)
	if err != nil {
		return Stat{}, err
	}
	stat, err := parseStat(data)
	if err != nil {
		return Stat{}, fmt.Errorf("parse %s/stat: %w", dir.Path(), err)
	}
	return stat, nil
}

// The positions of fields after the comm. In proc_pid_stat(5) they are 3 (state), 4 (ppid) and 22 (starttime); here they count
// from the state.
const (
	statState     = 0
	statPPID      = 1
	statStartTime = 19
)

// parseStat reads "pid (comm) state ppid …". The comm may hold parentheses, spaces and newlines and is not escaped. It is the
// only field that can hold a closing parenthesis, so the last one ends it.
func parseStat(data []byte) (Stat, error) {
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open {
		return Stat{}, errors.New("no (comm)")
	}
	pid, ok := pseudofs.ParsePID(bytes.TrimSuffix(data[:open], []byte(" ")))
	if !ok {
		return Stat{}, fmt.Errorf("no PID before the comm, but %q", string(data[:open]))
	}
	stat := Stat{PID: pid, Comm: string(data[open+1 : end])}
	index := 0
	for field := range bytes.FieldsSeq(data[end+1:]) {
		switch index {
		case statState:
			stat.State = field[0]
		case statPPID:
			// 0 means a parent outside of the procfs's PID namespace, or none.
			ppid, err := strconv.ParseUint(string(field), 10, 31)
			if err != nil {
				return Stat{}, fmt.Errorf("parent PID: %w", err)
			}
			stat.PPID = int32(ppid)
		case statStartTime:
			start, err := strconv.ParseUint(string(field), 10, 64)
			if err != nil {
				return Stat{}, fmt.Errorf("start time: %w", err)
			}
			stat.StartTime = start
			return stat, nil
		}
		index++
	}
	return Stat{}, fmt.Errorf("cut after %d fields", index+2)
}
