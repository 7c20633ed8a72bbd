package netfs

import (
	"bytes"
	"strconv"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// acceptsConnections is the flag of a UNIX socket that listens (__SO_ACCEPTCON in include/linux/net.h).
const acceptsConnections = 1 << 16

// UnixListeners returns the inodes of the UNIX sockets that listen at a path, in the network namespace of a process. A path that was
// removed and bound again has several.
func (r *Reader) UnixListeners(pid int32, path string) ([]uint64, error) {
	data, err := pseudofs.ReadFile(r.proc.PID(pid)+"/net/unix", nil)
	if err != nil {
		return nil, err
	}
	return unixListeners(data, path), nil
}

// unixListeners parses the table: address, reference count, protocol, flags, type, state, inode and path, which may have spaces.
func unixListeners(data []byte, path string) []uint64 {
	const columns = 7
	var inodes []uint64
	for line := range bytes.Lines(data) {
		var fields [columns][]byte
		rest := bytes.TrimRight(line, "\n")
		for i := range fields {
			fields[i], rest, _ = bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
		}
		if string(rest) != path {
			continue
		}
		flags, err := strconv.ParseUint(string(fields[3]), 16, 32)
		inode, inodeErr := strconv.ParseUint(string(fields[6]), 10, 64)
		if err == nil && inodeErr == nil && flags&acceptsConnections != 0 {
			inodes = append(inodes, inode)
		}
	}
	return inodes
}
