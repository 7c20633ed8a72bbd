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

// Listed is a process as the list of all has it. Inode is the number of its directory in procfs: as long as that is the
// same it is the same process. It may be another one for a process that goes on, where the kernel was short of memory.
type Listed struct {
	PID   int32
	Inode uint64
}

// IsSure reports whether the kernel reported the inode. Where it lacks the memory to look it up, it says 1 (proc_fill_cache in
// fs/proc/base.c).
func (p Listed) IsSure() bool { return p.Inode > 1 }

// List lists the host's processes in ascending order of their PIDs.
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

// nextEntry takes the first entry off what getdents64 returned.
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
