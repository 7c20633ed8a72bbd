package anatomy

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/netfs"
)

// Port is a port of the host that leads into the container.
type Port struct {
	HostIP   netip.Addr `json:"host_ip"`
	HostPort uint16     `json:"host_port"`
	Protocol string     `json:"protocol"`
	// ContainerPort is the port that it leads to; 0 means the same number.
	ContainerPort uint16 `json:"container_port,omitempty"`
	By            PortBy `json:"by"`
	// PID is the process that has the socket: the proxy or one of the container.
	PID int32 `json:"pid,omitempty"`
}

// PortBy is the way in which nsviz knows of a port.
type PortBy string

// The ways to know of a port.
const (
	ByProxy  PortBy = "docker-proxy" // a process of the host that listens and forwards
	BySocket PortBy = "socket"       // its own, in the host's network namespace
	ByEngine PortBy = "engine"       // as the engine reports; what forwards packets is out of sight
)

func (p *Port) String() string {
	to := ""
	if p.ContainerPort != 0 && p.ContainerPort != p.HostPort {
		to = fmt.Sprintf(" leads to port %d", p.ContainerPort)
	}
	text := fmt.Sprintf("%s/%s of the host%s", netip.AddrPortFrom(p.HostIP, p.HostPort), p.Protocol, to)
	switch p.By {
	case ByProxy:
		return fmt.Sprintf("%s (by docker-proxy, PID %d)", text, p.PID)
	case BySocket:
		return fmt.Sprintf("%s (its own socket, PID %d)", text, p.PID)
	}
	return text + " (as the engine reports)"
}

// ports finds the ports of the host that lead into the container. Rules of a packet filter also forward ports, and cannot be
// read; the engine's information about them is added.
func (g *gatherer) ports() {
	n := g.Namespaces[event.Net]
	if n == nil || n.SharedWithHost == nil {
		return
	}
	found, err := g.proxied()
	if *n.SharedWithHost {
		found, err = g.ownPorts()
	}
	if err != nil {
		g.unknown("which ports of the host lead into it: %v", err)
		return
	}
	if g.settings != nil {
		for _, p := range g.settings.Ports {
			if !slices.ContainsFunc(found, func(f Port) bool {
				return f.HostIP == p.HostIP && f.HostPort == p.HostPort && f.Protocol == p.Protocol
			}) {
				found = append(found, Port{HostIP: p.HostIP, HostPort: p.HostPort, ContainerPort: p.ContainerPort, Protocol: p.Protocol, By: ByEngine})
			}
		}
	}
	g.Ports = append([]Port{}, found...)
}

// ownPorts returns the sockets that the container's processes have in the host's network namespace.
func (g *gatherer) ownPorts() (found []Port, err error) {
	listeners, err := g.host.Net.Listeners(g.PID)
	if err != nil {
		return nil, err
	}
	holders := map[uint64]int32{}
	for i := range g.Processes {
		pid := g.Processes[i].PID
		// A process that is gone has none.
		_ = g.host.Net.SocketInodes(pid, func(inode uint64) {
			if _, known := holders[inode]; !known {
				holders[inode] = pid
			}
		})
	}
	for _, l := range listeners {
		if pid := holders[l.Inode]; pid != 0 {
			found = append(found, Port{HostIP: l.Address.Addr(), HostPort: l.Address.Port(), Protocol: l.Protocol, By: BySocket, PID: pid})
		}
	}
	return found, nil
}

// proxied returns the ports of proxies that connect to one of the container's addresses.
func (g *gatherer) proxied() (found []Port, err error) {
	addresses := map[netip.Addr]bool{}
	if g.Network != nil {
		for _, i := range g.Network.Interfaces {
			for _, a := range i.Addresses {
				addresses[a.Addr()] = !a.Addr().IsLoopback()
			}
		}
	}
	proxies, err := portProxies(g.host, g.snapshot.Host.Namespaces[event.Mnt])
	if err != nil {
		return nil, err
	}
	for _, p := range proxies {
		if !addresses[p.container.Addr()] {
			continue
		}
		listeners, err := g.host.Net.Listeners(p.pid)
		listens := slices.ContainsFunc(listeners, func(l netfs.Listener) bool { return l.Protocol == p.protocol && l.Address == p.host })
		// The tables of SCTP are not read. A proxy that is gone does not listen any more.
		if err != nil || !listens && p.protocol != "sctp" {
			continue
		}
		found = append(found, Port{
			HostIP: p.host.Addr(), HostPort: p.host.Port(), Protocol: p.protocol, ContainerPort: p.container.Port(), By: ByProxy, PID: p.pid,
		})
	}
	return found, nil
}

// ports finds ports through which others can reach the container by the host.
func (h *finder) ports() {
	if len(h.a.Ports) == 0 {
		return
	}
	worst := Info
	var details []string
	for i := range h.a.Ports {
		p := &h.a.Ports[i]
		severity := Low
		switch {
		case p.HostIP.IsUnspecified():
			severity = Medium
		case p.HostIP.IsLoopback():
			severity = Info
		}
		worst = max(worst, severity)
		details = append(details, p.String())
	}
	h.add(Finding{
		ID: "host_ports", Severity: worst, Title: "Ports of the host lead into it", Details: bounded(details),
		Meaning: "Who reaches such a port of the host talks to a program in the container. At 0.0.0.0 or :: that is every network that " +
			"the host is in; what an engine publishes gets past the rules of ufw and firewalld. At 127.0.0.1 it is the host's own programs.",
		See:   "ss -lntup",
		Close: "publish only what is needed, at one address" + h.example("host_ports") + "; containers reach each other by a network of their own",
	})
}
