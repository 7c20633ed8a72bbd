package hostfs

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// DefaultProc and DefaultCgroup are where a host has its procfs and its cgroup file systems.
const (
	DefaultProc   = "/proc"
	DefaultCgroup = "/sys/fs/cgroup"
)

// Roots says where the host's file systems are mounted. An empty field means the default.
type Roots struct {
	Proc   string
	Cgroup string
}

// FS reads the host's file systems. Any number of goroutines may use one at a time, and there is nothing to close.
type FS struct {
	proc   string
	cgroup string
	memory *patientReader
}

// Open returns a reader for the file systems at roots, once Proc has turned out to be a procfs.
// Cgroup is looked at no earlier than in [FS.Cgroups].
func Open(roots Roots) (*FS, error) {
	f := &FS{
		proc:   filepath.Clean(orDefault(roots.Proc, DefaultProc)),
		cgroup: filepath.Clean(orDefault(roots.Cgroup, DefaultCgroup)),
		memory: newPatientReader(),
	}
	if err := checkProc(f.proc); err != nil {
		return nil, fmt.Errorf("%s is not the host's procfs: %w; mount one there with `mount -t proc proc %s`, "+
			"or name the right directory with --proc-root", f.proc, err, f.proc)
	}
	return f, nil
}

func orDefault(path, fallback string) string {
	if path == "" {
		return fallback
	}
	return path
}

// checkProc tells a procfs from any other directory by the system-wide stat file, which a procfs
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

// procFile is the path of a file that belongs to no process.
func (f *FS) procFile(name string) string { return f.proc + "/" + name }

// pidDir is the path of a process's directory.
func (f *FS) pidDir(pid int32) string { return f.proc + "/" + strconv.Itoa(int(pid)) }
