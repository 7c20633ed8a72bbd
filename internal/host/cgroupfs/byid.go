package cgroupfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// fileIDKernfs is the type of kernfs file handles: FILEID_KERNFS in the kernel's enum fid_type.
const fileIDKernfs = 0xfe

// PathByID returns the path of the cgroup with the kernel's id. It fails with fs.ErrNotExist if that cgroup does not exist any
// more, and with ErrOutsideMount if it is not below what is mounted at Dir. It requires CAP_DAC_READ_SEARCH.
//
// The id is the kernfs file handle of the cgroup's directory (kernfs_fh_to_dentry in fs/kernfs/mount.c), on cgroup v1, too.
func (l Layout) PathByID(id uint64) (string, error) {
	what := "look up cgroup " + strconv.FormatUint(id, 10)
	mount, err := unix.Open(l.Dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, pseudofs.PathError("open", l.Dir, err))
	}
	defer func() { _ = unix.Close(mount) }()
	handle := unix.NewFileHandle(fileIDKernfs, binary.NativeEndian.AppendUint64(nil, id))
	fd, err := unix.OpenByHandleAt(mount, handle, unix.O_PATH|unix.O_CLOEXEC)
	if errors.Is(err, unix.ESTALE) {
		return "", fmt.Errorf("%s: %w", what, fs.ErrNotExist)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	defer func() { _ = unix.Close(fd) }()
	dir, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	rest, found := CutPath(dir, l.Dir)
	if !found {
		return "", fmt.Errorf("%s: %s: %w", what, dir, ErrOutsideMount)
	}
	path := rest
	if top := l.Top(); top != "/" {
		path = top
		if rest != "/" {
			path += rest
		}
	}
	// A name that ends in " (deleted)" may be the kernel's mark for a removed directory.
	if there, err := l.ID(path); err != nil || there != id {
		return "", fmt.Errorf("%s: %w", what, fs.ErrNotExist)
	}
	return path, nil
}
