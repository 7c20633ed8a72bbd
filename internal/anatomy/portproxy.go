package anatomy

import (
	"errors"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host"
)

// portProxy is a process of Docker's that forwards a port of the host to a container.
type portProxy struct {
	pid      int32
	protocol string // "tcp", "udp" or "sctp"
	// host is the address that it listens on, container the one that it connects to.
	host, container netip.AddrPort
}

// portProxies finds the processes that run an engine's port proxy in the host's mount namespace, where no container's process is.
func portProxies(host *host.FS, hostMnt uint64) ([]portProxy, error) {
	pids, err := host.Proc.PIDs()
	if err != nil {
		return nil, err
	}
	var list []portProxy
	for _, pid := range pids {
		if !runtime.IsPortProxy(host.Proc.Program(pid)) {
			continue
		}
		if ids, err := host.NS.Of(pid); err != nil || ids[event.Mnt] != hostMnt {
			continue
		}
		data, err := host.Proc.Cmdline(pid)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return list, err
		}
		if p, ok := parsePortProxy(data); ok {
			p.pid = pid
			list = append(list, p)
		}
	}
	return list, nil
}

// parsePortProxy parses a command line like docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 80 -container-ip 172.17.0.2
// -container-port 80.
func parsePortProxy(cmdline []byte) (p portProxy, ok bool) {
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
	p.protocol = value("proto")
	p.host, host = address("host")
	p.container, inside = address("container")
	return p, host && inside && p.protocol != ""
}
