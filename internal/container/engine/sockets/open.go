package sockets

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"context"
)

// file identifies a file.
type file struct{ dev, inode uint64 }

// open opens a socket for connecting to it: by a path without any symbolic link, and only if it is a socket of root or of that user. A
// folder of a user can be replaced by him at any time, but not what was opened.
func open(path string, user uint32) (*os.File, file, error) {
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return nil, file{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	opened := os.NewFile(uintptr(fd), path)
	var stat unix.Stat_t
	err = unix.Fstat(fd, &stat)
	switch {
	case err != nil:
	case stat.Mode&unix.S_IFMT != unix.S_IFSOCK:
		err = unix.ENOTSOCK
	case stat.Uid != 0 && stat.Uid != user:
		err = fmt.Errorf("it belongs to uid %d: %w", stat.Uid, os.ErrPermission)
	}
	if err != nil {
		return nil, file{}, errors.Join(&os.PathError{Op: "open", Path: path, Err: err}, opened.Close())
	}
	return opened, file{uint64(stat.Dev), stat.Ino}, nil //nolint:unconvert // its type differs between architectures
}

// dial connects to an opened socket.
func dial(ctx context.Context, socket *os.File) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", "/proc/self/fd/"+strconv.Itoa(int(socket.Fd())))
}
