package hostfs

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

// Listener is a socket that can be reached from outside its process: one of TCP that listens, or one of
// UDP that is bound and connected to nobody.
type Listener struct {
	Protocol string // "tcp" or "udp"
	Address  netip.AddrPort
	// Inode names the socket, as in the links in /proc/PID/fd.
	Inode uint64
}

// socketFiles are the tables of a network namespace's sockets, and in which state they wait for others.
var socketFiles = []struct{ name, protocol, state string }{
	{"tcp", "tcp", "0A"}, {"tcp6", "tcp", "0A"}, {"udp", "udp", "07"}, {"udp6", "udp", "07"},
}

// Listeners lists those in the network namespace of a process.
func (f *FS) Listeners(pid int32) ([]Listener, error) {
	dir, err := openDirectory(f.pidDir(pid) + "/net")
	if err != nil {
		return nil, err
	}
	defer dir.close()
	var list []Listener
	for _, file := range socketFiles {
		data, err := dir.read(file.name, nil)
		if isGone(err) && strings.HasSuffix(file.name, "6") {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, err
		}
		list = appendListeners(list, data, file.protocol, file.state)
	}
	return list, nil
}

// appendListeners reads a table: number, local address, remote address, state, four more, user, timeout and
// inode.
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

// parseHexAddrPort reads an address as words of 32 bits in the host's order, see [parseHexIPv4], and a
// port. An IPv4 address inside an IPv6 one comes out as the former.
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
func (f *FS) SocketInodes(pid int32, visit func(inode uint64)) error {
	dir, err := openDirectory(f.pidDir(pid))
	if err != nil {
		return err
	}
	defer dir.close()
	return dir.each("fd", func(fds directory, name string) {
		var space [64]byte
		n, err := unix.Readlinkat(fds.fd, name, space[:])
		if err != nil {
			return // closed meanwhile
		}
		digits, ok := bytes.CutPrefix(space[:n], []byte("socket:["))
		if inode, err := strconv.ParseUint(string(bytes.TrimSuffix(digits, []byte("]"))), 10, 64); ok && err == nil {
			visit(inode)
		}
	})
}

// PortProxy is a process of Docker's that passes a port of the host on to a container.
type PortProxy struct {
	PID      int32
	Protocol string // "tcp", "udp" or "sctp"
	// Host is what it was told to listen at, Container where it connects to.
	Host, Container netip.AddrPort
}

// PortProxies finds the processes that run a program called docker-proxy and are in the same mount
// namespace as the host's: no container's process is that.
func (f *FS) PortProxies(hostMnt uint64) ([]PortProxy, error) {
	pids, err := f.PIDs()
	if err != nil {
		return nil, err
	}
	var list []PortProxy
	for _, pid := range pids {
		if !strings.HasSuffix(f.Program(pid), "docker-proxy") { // rootless: rootlesskit-docker-proxy
			continue
		}
		if ids, err := f.Namespaces(pid); err != nil || ids[event.Mnt] != hostMnt {
			continue
		}
		data, err := f.cmdline(pid)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return list, err
		}
		if p, ok := parsePortProxy(data); ok {
			p.PID = pid
			list = append(list, p)
		}
	}
	return list, nil
}

// cmdline reads a process's command line.
func (f *FS) cmdline(pid int32) ([]byte, error) {
	dir, err := openDirectory(f.pidDir(pid))
	if err != nil {
		return nil, err
	}
	defer dir.close()
	return f.memory.read(dir, "cmdline")
}

// parsePortProxy reads a command line like docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 80
// -container-ip 172.17.0.2 -container-port 80.
func parsePortProxy(cmdline []byte) (p PortProxy, ok bool) {
	arguments := strings.Split(string(cmdline), "\x00")
	value := func(name string) string {
		for i, a := range arguments {
			if a == "-"+name && i+1 < len(arguments) {
				return arguments[i+1]
			}
		}
		return ""
	}
	address := func(end string) (netip.AddrPort, bool) {
		ip, err := netip.ParseAddr(value(end + "-ip"))
		port, portErr := strconv.ParseUint(value(end+"-port"), 10, 16)
		return netip.AddrPortFrom(ip, uint16(port)), err == nil && portErr == nil
	}
	var host, inside bool
	p.Protocol = value("proto")
	p.Host, host = address("host")
	p.Container, inside = address("container")
	return p, host && inside && p.Protocol != ""
}
