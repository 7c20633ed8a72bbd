package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Reader looks into the root file systems of the processes of a procfs. It is safe for concurrent use.
type Reader struct{ proc pseudofs.Proc }

// New returns a reader of the root file systems of the processes in proc.
func New(proc pseudofs.Proc) *Reader { return &Reader{proc} }

// Device is a device node.
type Device struct {
	// Path is the path inside the root.
	Path         string
	Block        bool
	Major, Minor uint32
}

// maxDevices bounds how many entries of /dev are looked at.
const maxDevices = 4096

// ErrTooManyDevices reports that a folder has more entries than nsviz looks at; the devices found so far come with it.
var ErrTooManyDevices = errors.New("there are too many entries in /dev")

// Devices lists the device nodes in a process's /dev, without those in file systems mounted below it, such as its terminals.
// mounts are the process's.
func (r *Reader) Devices(pid int32, mounts []mountinfo.Mount) ([]Device, error) {
	dev, ok := mountinfo.At(mounts, "/dev")
	if !ok {
		return nil, fs.ErrNotExist
	}
	// Whoever may mount can put a file system there that never answers.
	switch dev.FSType {
	case "tmpfs", "devtmpfs", "overlay", "ext4", "xfs", "btrfs":
	default:
		return nil, fmt.Errorf("list the devices: /dev is a %s", dev.FSType)
	}
	root, err := os.OpenRoot(r.proc.PID(pid) + "/root")
	if err != nil {
		return nil, fmt.Errorf("list the devices: %w", err)
	}
	defer root.Close()
	l := deviceList{mounts: mounts, left: maxDevices}
	// An os.Root follows no symbolic link out of itself.
	err = l.list(root, "/dev", 3)
	slices.SortFunc(l.found, func(a, b Device) int { return strings.Compare(a.Path, b.Path) })
	return l.found, err
}

type deviceList struct {
	mounts []mountinfo.Mount
	left   int
	found  []Device
}

func (l *deviceList) list(root *os.Root, at string, depth int) error {
	dir, err := root.Open(at[1:])
	if err != nil {
		return fmt.Errorf("list the devices: %w", err)
	}
	defer dir.Close()
	for {
		list, err := dir.ReadDir(256)
		for _, entry := range list {
			if l.left--; l.left < 0 {
				return ErrTooManyDevices
			}
			where := path.Join(at, entry.Name())
			switch {
			case entry.IsDir() && depth > 0 && !isMountPoint(l.mounts, where):
				if err := l.list(root, where, depth-1); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			case entry.Type()&fs.ModeDevice != 0:
				info, err := root.Lstat(where[1:])
				if err != nil {
					continue // removed meanwhile
				}
				if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Rdev != 0 {
					l.found = append(l.found, Device{
						Path: where, Block: info.Mode()&fs.ModeCharDevice == 0,
						Major: unix.Major(stat.Rdev), Minor: unix.Minor(stat.Rdev),
					})
				}
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("list the devices: %w", err)
		}
	}
}

func isMountPoint(mounts []mountinfo.Mount, at string) bool {
	for i := range mounts {
		if mounts[i].Point == at {
			return true
		}
	}
	return false
}
