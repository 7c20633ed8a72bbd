package pseudofs

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// maxFileSize bounds what is read of one file. The longest honest one is the mountinfo of a host
// with very many mounts, at some 200 bytes each.
const maxFileSize = 64 << 20

// SmallFile is a buffer size that nearly every file of procfs and cgroupfs fits into.
const SmallFile = 4096

// Dir is an open directory and its path, which is for messages. Opening a process's one pins
// the process: once it is gone, reads below fail, even when its PID belongs to another one by then.
//
// Files are read by plain system calls, not by os.File, which would register each one with the
// runtime's poller first (cgroupfs files can be polled) and would so double the cost of reading.
type Dir struct {
	fd   int
	path string
}

// OpenDir opens path for reading files below it, which needs no more permission than search.
func OpenDir(path string) (Dir, error) {
	fd, err := Open(unix.AT_FDCWD, path, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return Dir{}, PathError("open", path, err)
	}
	return Dir{fd: fd, path: path}, nil
}

// Close closes the directory. It forgets the error: there is none for a descriptor that nothing was written to.
func (d Dir) Close() { _ = unix.Close(d.fd) }

// Dup returns the same directory with a descriptor of its own.
func (d Dir) Dup() (Dir, error) {
	fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return Dir{}, PathError("open", d.path, err)
	}
	return Dir{fd: fd, path: d.path}, nil
}

// FD returns the descriptor, for system calls below the directory.
func (d Dir) FD() int { return d.fd }

// Path returns the path that the directory was opened by.
func (d Dir) Path() string { return d.path }

// Read returns all of the file called name. The result is in buf where it fits.
func (d Dir) Read(name string, buf []byte) ([]byte, error) {
	data, err := readAt(d.fd, name, buf)
	if err != nil {
		return nil, PathError("read", d.path+"/"+name, err)
	}
	return data, nil
}

// ReadStart returns at most so many bytes of the file called name.
func (d Dir) ReadStart(name string, most int) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, PathError("read", d.path+"/"+name, err) }
	fd, err := Open(d.fd, name, unix.O_RDONLY)
	if err != nil {
		return fail(err)
	}
	defer unix.Close(fd)
	buf := make([]byte, most)
	used := 0
	for used < most {
		n, err := unix.Read(fd, buf[used:])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fail(err)
		case n == 0:
			return buf[:used], nil
		default:
			used += n
		}
	}
	return buf, nil
}

// ReadFile returns all of the file at path. The result is in buf where it fits.
func ReadFile(path string, buf []byte) ([]byte, error) {
	data, err := readAt(unix.AT_FDCWD, path, buf)
	if err != nil {
		return nil, PathError("read", path, err)
	}
	return data, nil
}

var errTooLarge = fmt.Errorf("larger than %d MiB", maxFileSize>>20)

func readAt(dirfd int, path string, buf []byte) ([]byte, error) {
	fd, err := Open(dirfd, path, unix.O_RDONLY)
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
			grown := make([]byte, max(2*len(buf), SmallFile))
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

// Open opens a path below dirfd, as openat(2) does. It repeats what a signal interrupted, as the reading does: procfs and
// cgroupfs do not let it come to that, but lxcfs, which stands in for files of /proc in some containers, is a FUSE.
func Open(dirfd int, path string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dirfd, path, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// PathError wraps a system call's error. ESRCH is how procfs says that the process went away
// between open and read, ENODEV how cgroupfs says it of a cgroup: both become fs.ErrNotExist.
func PathError(op, path string, err error) error {
	if err == unix.ESRCH || err == unix.ENODEV {
		err = fs.ErrNotExist
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// IsGone reports whether err says that a process or a cgroup is not there.
func IsGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// Each calls visit with the folder called folder and each name in it, without holding them all: a process may
// have a million open files.
func (d Dir) Each(folder string, visit func(in Dir, name string)) error {
	in := Dir{path: d.path + "/" + folder}
	var err error
	if in.fd, err = Open(d.fd, folder, unix.O_RDONLY|unix.O_DIRECTORY); err != nil {
		return PathError("open", in.path, err)
	}
	defer in.Close()
	space := make([]byte, SmallFile)
	var names []string
	for {
		n, err := unix.ReadDirent(in.fd, space)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return PathError("list", in.path, err)
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

// Lstat reads what the kernel says of the file at path, and follows no symbolic link.
func Lstat(path string) (unix.Stat_t, error) {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return unix.Stat_t{}, PathError("lstat", path, err)
	}
	return stat, nil
}

// Inode reads the inode number of an open file.
func Inode(fd int) (uint64, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return 0, err
	}
	return stat.Ino, nil
}
