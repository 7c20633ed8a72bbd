package host

import (
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/machine"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/netfs"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/host/rootfs"
)

// Roots holds where the host's file systems are mounted. An empty field means the default: [pseudofs.DefaultProc],
// [cgroupfs.DefaultRoot].
type Roots struct {
	Proc   string
	Cgroup string
}

// FS holds the readers of one host's file systems. Any number of goroutines may use one at a time, and there is nothing
// to close.
type FS struct {
	Proc      *procfs.Reader
	NS        *nsfs.Reader
	Cgroups   *cgroupfs.Reader
	Resources *resources.Reader
	Mounts    *mountinfo.Reader
	Root      *rootfs.Reader
	Net       *netfs.Reader
	Machine   *machine.Reader
}

// Open returns the readers of the file systems at roots, once Proc has turned out to be a procfs.
// Cgroup is looked at no earlier than in [cgroupfs.Reader.Layout].
func Open(roots Roots) (*FS, error) {
	proc, err := pseudofs.OpenProc(roots.Proc)
	if err != nil {
		return nil, err
	}
	return &FS{
		Proc: procfs.New(proc), NS: nsfs.New(proc), Cgroups: cgroupfs.New(proc, roots.Cgroup), Resources: resources.New(proc),
		Mounts: mountinfo.New(proc), Root: rootfs.New(proc), Net: netfs.New(proc), Machine: machine.New(proc),
	}, nil
}
