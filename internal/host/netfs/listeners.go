package netfs

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Listener is a socket that can be reached from outside its process: a listening TCP socket, or a UDP socket that is bound
// and not connected.
type Listener struct {
	Protocol string // "tcp" or "udp"
	Address  netip.AddrPort
	// Inode identifies the socket, as in the links in /proc/PID/fd.
	Inode uint64
}

// socketFiles holds the tables of a network namespace's sockets, and the state of sockets that wait for others.
var socketFiles = []struct{ name, protocol, state string }{
	{"tcp", "tcp", "0A"}, {"tcp6", "tcp", "0A"}, {"udp", "udp", "07"}, {"udp6", "udp", "07"},
}

// Listeners lists the listeners in the network namespace of a process.
func (r *Reader) Listeners(pid int32) ([]Listener, error) {
	dir, err := pseudofs.OpenDir(r.proc.PID(pid) + "/net")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var list []Listener
	for _, file := range socketFiles {
		data, err := dir.Read(file.name, nil)
		if pseudofs.IsGone(err) && strings.HasSuffix(file.name, "6") {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, err
		}
		list = appendListeners(list, data, file.protocol, file.state)
	}
	return list, nil
}

// appendListeners parses a table: number, local address, remote address, state, four more, user, timeout and inode.
func appendListeners(list []Listener, data []byte, protocol, state string) []Listener {
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) < 10 || string(fields[3]) != state {
			continue
		}
		address, ok := parseHexAddrPort(string(fields[1]))
		inode, err := strconv.ParseUint(string(fields[9]), 10, 64)
		if !ok || err != nil {
			continue
		}
		list = append(list, Listener{Protocol: protocol, Address: address, Inode: inode})
	}
	return list
}

// parseHexAddrPort parses an address as words of 32 bits in the host's byte order, see [parseHexIPv4], and a port. It unmaps an
// IPv4 address inside an IPv6 one.
func parseHexAddrPort(text string) (netip.AddrPort, bool) {
	words, portText, _ := strings.Cut(text, ":")
	port, err := strconv.ParseUint(portText, 16, 16)
	raw, hexErr := hex.DecodeString(words)
	if err != nil || hexErr != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		raw[i], raw[i+1], raw[i+2], raw[i+3] = raw[i+3], raw[i+2], raw[i+1], raw[i]
	}
	address, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(address.Unmap(), uint16(port)), true
}

// SocketInodes calls visit with each socket that a process has open.
func (r *Reader) SocketInodes(pid int32, visit func(inode uint64)) error {
	dir, err := r.proc.OpenPID(pid)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Each("fd", func(fds pseudofs.Dir, name string) {
		var space [64]byte
		n, err := unix.Readlinkat(fds.FD(), name, space[:])
		if err != nil {
			return // closed meanwhile
		}
		digits, ok := bytes.CutPrefix(space[:n], []byte("socket:["))
		if inode, err := strconv.ParseUint(string(bytes.TrimSuffix(digits, []byte("]"))), 10, 64); ok && err == nil {
			visit(inode)
		}
	})
}
