package hostfs

import (
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/netfs"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Roots says where the host's file systems are mounted. An empty field means the default.
type Roots struct {
	Proc   string
	Cgroup string
}

// FS reads the host's file systems. Any number of goroutines may use one at a time, and there is nothing to close.
type FS struct {
	Mounts  *mountinfo.Reader
	Net     *netfs.Reader
	NS      *nsfs.Reader
	Cgroups *cgroupfs.Reader
	Proc    *procfs.Reader

	proc pseudofs.Proc
}

// Open returns a reader for the file systems at roots, once Proc has turned out to be a procfs.
// Cgroup is looked at no earlier than in [cgroupfs.Reader.Layout].
func Open(roots Roots) (*FS, error) {
	proc, err := pseudofs.OpenProc(roots.Proc)
	if err != nil {
		return nil, err
	}
	return &FS{
		Mounts: mountinfo.New(proc), Net: netfs.New(proc), NS: nsfs.New(proc), Cgroups: cgroupfs.New(proc, roots.Cgroup),
		Proc: procfs.New(proc), proc: proc,
	}, nil
}
