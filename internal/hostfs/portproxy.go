package hostfs

import (
	"errors"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
)

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
		if !strings.HasSuffix(f.program(pid), "docker-proxy") { // rootless: rootlesskit-docker-proxy
			continue
		}
		if ids, err := f.NS.Of(pid); err != nil || ids[event.Mnt] != hostMnt {
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
	dir, err := f.proc.OpenPID(pid)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
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
