package hostfs

import (
	"path/filepath"

	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/netfs"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// DefaultCgroup is where a host has its cgroup file systems.
const DefaultCgroup = "/sys/fs/cgroup"

// Roots says where the host's file systems are mounted. An empty field means the default.
type Roots struct {
	Proc   string
	Cgroup string
}

// FS reads the host's file systems. Any number of goroutines may use one at a time, and there is nothing to close.
type FS struct {
	Mounts *mountinfo.Reader
	Net    *netfs.Reader
	NS     *nsfs.Reader

	proc   pseudofs.Proc
	cgroup string
	memory *patientReader
}

// Open returns a reader for the file systems at roots, once Proc has turned out to be a procfs.
// Cgroup is looked at no earlier than in [FS.Cgroups].
func Open(roots Roots) (*FS, error) {
	proc, err := pseudofs.OpenProc(roots.Proc)
	if err != nil {
		return nil, err
	}
	if roots.Cgroup == "" {
		roots.Cgroup = DefaultCgroup
	}
	return &FS{Mounts: mountinfo.New(proc), Net: netfs.New(proc), NS: nsfs.New(proc), proc: proc, cgroup: filepath.Clean(roots.Cgroup), memory: newPatientReader()}, nil
}
