package hostfs

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// maxFileSize bounds what is read of one file. The longest honest one is the mountinfo of a host
// with very many mounts, at some 200 bytes each.
const maxFileSize = 64 << 20

// smallFile is a buffer size that nearly every file of procfs and cgroupfs fits into.
const smallFile = 4096

// directory is an open directory and its path, which is for messages. Opening a process's one pins
// the process: once it is gone, reads below fail, even when its PID belongs to another one by then.
//
// Files are read by plain system calls, not by os.File, which would register each one with the
// runtime's poller first (cgroupfs files can be polled) and would so double the cost of reading.
type directory struct {
	fd   int
	path string
}

// openDirectory opens path for reading files below it, which needs no more permission than search.
func openDirectory(path string) (directory, error) {
	fd, err := openat(unix.AT_FDCWD, path, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return directory{}, pathError("open", path, err)
	}
	return directory{fd: fd, path: path}, nil
}

// close forgets the error: there is none for a descriptor that nothing was written to.
func (d directory) close() { _ = unix.Close(d.fd) }

// read returns all of the file called name. The result is in buf where it fits.
func (d directory) read(name string, buf []byte) ([]byte, error) {
	data, err := readAt(d.fd, name, buf)
	if err != nil {
		return nil, pathError("read", d.path+"/"+name, err)
	}
	return data, nil
}

// readFile returns all of the file at path. The result is in buf where it fits.
func readFile(path string, buf []byte) ([]byte, error) {
	data, err := readAt(unix.AT_FDCWD, path, buf)
	if err != nil {
		return nil, pathError("read", path, err)
	}
	return data, nil
}

var errTooLarge = fmt.Errorf("larger than %d MiB", maxFileSize>>20)

func readAt(dirfd int, path string, buf []byte) ([]byte, error) {
	fd, err := openat(dirfd, path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	used := 0
	for {
		if used == len(buf) {
			if used >= maxFileSize {
				return nil, errTooLarge
			}
			grown := make([]byte, max(2*len(buf), smallFile))
			copy(grown, buf)
			buf = grown
		}
		n, err := unix.Read(fd, buf[used:])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return buf[:used], nil
		default:
			used += n
		}
	}
}

// openat repeats what a signal interrupted, as readAt does: procfs and cgroupfs do not let it come
// to that, but lxcfs, which stands in for files of /proc in some containers, is a FUSE.
func openat(dirfd int, path string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dirfd, path, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// pathError wraps a system call's error. ESRCH is how procfs says that the process went away
// between open and read, ENODEV how cgroupfs says it of a cgroup: both become fs.ErrNotExist.
func pathError(op, path string, err error) error {
	if err == unix.ESRCH || err == unix.ENODEV {
		err = fs.ErrNotExist
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// isGone reports whether err says that a process or a cgroup is not there.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// each calls visit with the folder called folder and each name in it, without holding them all: a process may
// have a million open files.
func (d directory) each(folder string, visit func(in directory, name string)) error {
	in := directory{path: d.path + "/" + folder}
	var err error
	if in.fd, err = openat(d.fd, folder, unix.O_RDONLY|unix.O_DIRECTORY); err != nil {
		return pathError("open", in.path, err)
	}
	defer in.close()
	space := make([]byte, smallFile)
	var names []string
	for {
		n, err := unix.ReadDirent(in.fd, space)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return pathError("list", in.path, err)
		}
		if n == 0 {
			return nil
		}
		_, _, names = unix.ParseDirent(space[:n], -1, names[:0])
		for _, name := range names {
			visit(in, name)
		}
	}
}
