package procfs

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Listed is one process in the list of all. Inode is the number of its directory in procfs. As long as the inode stays the same,
// it is the same process. The inode of a running process may change if the kernel is short of memory.
type Listed struct {
	PID   int32
	Inode uint64
}

// IsSure reports whether the kernel reported the inode. If it lacks the memory for the lookup, it reports 1 (proc_fill_cache in
// fs/proc/base.c).
func (p Listed) IsSure() bool { return p.Inode > 1 }

// List lists the host's processes in ascending order of PIDs.
func (r *Reader) List() ([]Listed, error) {
	proc := string(r.proc)
	fd, err := pseudofs.Open(unix.AT_FDCWD, proc, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, pseudofs.PathError("open", proc, err)
	}
	defer unix.Close(fd)
	var list []Listed
	space := make([]byte, 32<<10)
	for {
		n, err := unix.Getdents(fd, space)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, pseudofs.PathError("list", proc, err)
		}
		if n == 0 {
			break
		}
		for entries := space[:n]; len(entries) > 0; {
			var inode uint64
			var name []byte
			inode, name, entries = nextEntry(entries)
			if pid, ok := pseudofs.ParsePID(name); ok {
				list = append(list, Listed{PID: pid, Inode: inode})
			}
		}
	}
	slices.SortFunc(list, func(a, b Listed) int { return cmp.Compare(a.PID, b.PID) })
	return list, nil
}

// nextEntry splits the first entry off what getdents64 returned.
func nextEntry(entries []byte) (inode uint64, name, rest []byte) {
	const (
		inodeAt  = unsafe.Offsetof(unix.Dirent{}.Ino)
		lengthAt = unsafe.Offsetof(unix.Dirent{}.Reclen)
		nameAt   = unsafe.Offsetof(unix.Dirent{}.Name)
	)
	length := int(binary.NativeEndian.Uint16(entries[lengthAt:]))
	name, _, _ = bytes.Cut(entries[nameAt:length], []byte{0})
	return binary.NativeEndian.Uint64(entries[inodeAt:]), name, entries[length:]
}
