package hostfs

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ListedProcess is a process as the list of all has it. Inode is the number of its directory in procfs: as long as that is the
// same it is the same process. It may be another one for a process that goes on, where the kernel was short of memory.
type ListedProcess struct {
	PID   int32
	Inode uint64
}

// IsSure reports whether the kernel has told the inode. Where it lacks the memory to look it up, it says 1 (proc_fill_cache in
// fs/proc/base.c).
func (p ListedProcess) IsSure() bool { return p.Inode > 1 }

// ListProcesses lists the host's processes in ascending order of their PIDs.
func (f *FS) ListProcesses() ([]ListedProcess, error) {
	fd, err := openat(unix.AT_FDCWD, f.proc, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, pathError("open", f.proc, err)
	}
	defer unix.Close(fd)
	var list []ListedProcess
	space := make([]byte, 32<<10)
	for {
		n, err := unix.Getdents(fd, space)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, pathError("list", f.proc, err)
		}
		if n == 0 {
			break
		}
		for entries := space[:n]; len(entries) > 0; {
			var inode uint64
			var name []byte
			inode, name, entries = nextEntry(entries)
			if pid, ok := parsePID(name); ok {
				list = append(list, ListedProcess{PID: pid, Inode: inode})
			}
		}
	}
	slices.SortFunc(list, func(a, b ListedProcess) int { return cmp.Compare(a.PID, b.PID) })
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

// IsVMMProgram reports whether a program of that name may be a virtual machine, as [FS.VMM] finds out.
func IsVMMProgram(name string) bool {
	_, ok := vmmKind(name)
	return ok
}
