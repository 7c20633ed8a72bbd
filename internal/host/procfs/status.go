package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Status holds what nsviz reads from /proc/PID/status.
type Status struct {
	Comm string
	// TGID differs from the requested id if that is a thread's.
	TGID int32
	PPID int32
	// UID is the real user id, as the reader's user namespace numbers it.
	UID uint32
	// NSPID holds the PIDs in each PID namespace, from the procfs's own inwards.
	NSPID []int32
}

// Status reads a process's status file. The kernel writes some 50 lines for it; Stat is cheaper if it suffices.
func (r *Reader) Status(pid int32) (Status, error) {
	dir, err := r.proc.OpenPID(pid)
	if err != nil {
		return Status{}, err
	}
	defer dir.Close()
	var space [pseudofs.SmallFile]byte
	return readStatus(dir, space[:])
}

func readStatus(dir pseudofs.Dir, buf []byte) (Status, error) {
	data, err := dir.Read("status", buf)
	if err != nil {
		return Status{}, err
	}
	status, err := parseStatus(data)
	if err != nil {
		return Status{}, fmt.Errorf("parse %s/status: %w", dir.Path(), err)
	}
	return status, nil
}

// parseStatus reads the lines up to NSpid, the last one that it needs.
func parseStatus(data []byte) (Status, error) {
	var status Status
	var seen int
	for line := range bytes.Lines(data) {
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found {
			continue
		}
		var err error
		switch string(name) {
		case "Name":
			value = bytes.TrimSuffix(bytes.TrimPrefix(value, []byte("\t")), []byte("\n"))
			status.Comm = unescapeComm(value)
		case "Tgid":
			status.TGID, err = parseStatusPID(value)
		case "PPid":
			status.PPID, err = parseStatusPID(value)
		case "Uid":
			status.UID, err = parseRealUID(value)
		case "NSpid":
			if status.NSPID, err = parsePIDList(value); err == nil && seen != 4 {
				err = fmt.Errorf("%d of Name, Tgid, PPid and Uid came before it", seen)
			}
			if err != nil {
				return Status{}, fmt.Errorf("NSpid: %w", err)
			}
			return status, nil
		default:
			continue
		}
		if err != nil {
			return Status{}, fmt.Errorf("%s: %w", string(name), err)
		}
		seen++
	}
	return Status{}, errors.New("no NSpid line")
}

// unescapeComm reverses how the kernel escapes a comm in this file (not in stat or comm) to keep it on one line: a newline
// becomes \n, a backslash \\.
func unescapeComm(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text)
	}
	comm := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+1 < len(text) {
			switch text[i+1] {
			case 'n':
				c = '\n'
				i++
			case '\\':
				i++
			}
		}
		comm = append(comm, c)
	}
	return string(comm)
}

// parseStatusPID also accepts 0: the parent is in an outer PID namespace.
func parseStatusPID(value []byte) (int32, error) {
	pid, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
	return int32(pid), err
}

// parseRealUID reads the first of the four user ids (real, effective, saved, file system).
func parseRealUID(value []byte) (uint32, error) {
	for field := range bytes.FieldsSeq(value) {
		uid, err := strconv.ParseUint(string(field), 10, 32)
		return uint32(uid), err
	}
	return 0, errors.New("no user id")
}

func parsePIDList(value []byte) ([]int32, error) {
	var pids []int32
	for field := range bytes.FieldsSeq(value) {
		pid, err := parseStatusPID(field)
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	if len(pids) == 0 {
		return nil, errors.New("no PID")
	}
	return pids, nil
}
