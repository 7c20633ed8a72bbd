package pseudofs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// DefaultProc is where a host has its procfs.
const DefaultProc = "/proc"

// Proc is the path at which the host's procfs is mounted.
type Proc string

// OpenProc returns the procfs at root, once that has turned out to be one; "" means [DefaultProc].
func OpenProc(root string) (Proc, error) {
	if root == "" {
		root = DefaultProc
	}
	root = filepath.Clean(root)
	if err := checkProc(root); err != nil {
		return "", fmt.Errorf("%s is not the host's procfs: %w; mount one there with `mount -t proc proc %s`, "+
			"or name the right directory with --proc-root", root, err, root)
	}
	return Proc(root), nil
}

// checkProc distinguishes a procfs from any other directory by the system-wide stat file, which a procfs
// mounted with subset=pid lacks, and by self, which dangles where the procfs belongs to a PID
// namespace that this process is not in.
func checkProc(proc string) error {
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(stat, []byte("cpu")) {
		return errors.New("its stat file is not the kernel's")
	}
	if _, err := os.Stat(filepath.Join(proc, "self")); err != nil {
		return fmt.Errorf("this process is not in it: %w", err)
	}
	return nil
}

// File returns the path of a file that belongs to no process.
func (p Proc) File(name string) string { return string(p) + "/" + name }

// PID returns the path of a process's directory.
func (p Proc) PID(pid int32) string { return string(p) + "/" + strconv.Itoa(int(pid)) }

// OpenPID opens a process's directory.
func (p Proc) OpenPID(pid int32) (Dir, error) { return OpenDir(p.PID(pid)) }

// Self returns this process's number in the procfs, which is another one than its own where that belongs to
// another PID namespace.
func (p Proc) Self() (int32, error) {
	path := p.File("self")
	target, err := os.Readlink(path)
	if err != nil {
		return 0, err
	}
	pid, err := strconv.ParseInt(target, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("parse %s: %w", path, err)
	}
	return int32(pid), nil
}

// ParsePID accepts what the kernel writes for the PID of a living process: decimal, from 1 on.
func ParsePID(text []byte) (int32, bool) {
	if len(text) == 0 || text[0] < '1' || text[0] > '9' {
		return 0, false
	}
	pid, err := strconv.ParseInt(string(text), 10, 32)
	return int32(pid), err == nil
}
