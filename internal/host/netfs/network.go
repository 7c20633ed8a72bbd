package netfs

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Reader reads the network files of a procfs. It is safe for concurrent use.
type Reader struct{ proc pseudofs.Proc }

// New returns a reader of the network files in proc.
func New(proc pseudofs.Proc) *Reader { return &Reader{proc} }

// Interface is a network interface with its known addresses.
type Interface struct {
	Name string
	// Addresses have the prefix length of their network if it is known, else that of a single address.
	Addresses []netip.Prefix
}

// Network holds the contents of a network namespace.
type Network struct {
	Interfaces []Interface
	// Unplaced holds IPv4 addresses whose interface procfs does not show.
	Unplaced []netip.Addr
}

// Of reads the interfaces and the addresses of the network namespace that a process is in.
//
// Only netlink reports the interface of an IPv4 address, and only inside of the namespace. procfs has the addresses in fib_trie
// and the interfaces' networks in route: an address belongs to the interface whose network contains it.
func (r *Reader) Of(pid int32) (Network, error) {
	dir, err := pseudofs.OpenDir(r.proc.PID(pid) + "/net")
	if err != nil {
		return Network{}, err
	}
	defer dir.Close()
	data, err := dir.Read("dev", nil)
	if err != nil {
		return Network{}, err
	}
	var n Network
	for _, name := range parseInterfaces(data) {
		n.Interfaces = append(n.Interfaces, Interface{Name: name})
	}
	// Without IPv4 or IPv6 in the kernel their files are missing.
	read := func(name string) ([]byte, error) {
		data, err := dir.Read(name, nil)
		if pseudofs.IsGone(err) {
			return nil, nil
		}
		return data, err
	}
	six, err := read("if_inet6")
	if err != nil {
		return Network{}, err
	}
	trie, err := read("fib_trie")
	if err != nil {
		return Network{}, err
	}
	table, err := read("route")
	if err != nil {
		return Network{}, err
	}
	n.place(parseLocalIPv4(trie), parseRoutes(table))
	for name, address := range parseIPv6(six) {
		n.add(name, address)
	}
	// If the process has gone after the first file, the others look as if they were missing.
	if _, err := pseudofs.Lstat(dir.Path() + "/dev"); err != nil {
		return Network{}, fmt.Errorf("read the addresses: %w", err)
	}
	return n, nil
}

func (n *Network) add(name string, address netip.Prefix) {
	for i := range n.Interfaces {
		if n.Interfaces[i].Name == name && !slices.Contains(n.Interfaces[i].Addresses, address) {
			n.Interfaces[i].Addresses = append(n.Interfaces[i].Addresses, address)
		}
	}
}

// place assigns each address to the interface with the narrowest network around it.
func (n *Network) place(addresses []netip.Addr, routes []route) {
	for _, address := range addresses {
		if address.IsLoopback() {
			n.add("lo", netip.PrefixFrom(address, 8))
			continue
		}
		var best route
		for _, r := range routes {
			if r.network.Contains(address) && (!best.network.IsValid() || r.network.Bits() > best.network.Bits()) {
				best = r
			}
		}
		if best.network.IsValid() {
			n.add(best.name, netip.PrefixFrom(address, best.network.Bits()))
		} else {
			n.Unplaced = append(n.Unplaced, address)
		}
	}
}

// parseInterfaces reads the names in /proc/net/dev, below its two heading lines.
func parseInterfaces(data []byte) (names []string) {
	for line := range bytes.Lines(data) {
		// A name may contain the colon of old-style aliases; only numbers follow the last colon.
		if i := bytes.LastIndexByte(line, ':'); i > 0 && !bytes.ContainsRune(line, '|') {
			names = append(names, string(bytes.TrimLeft(line[:i], " ")))
		}
	}
	return names
}

// route is a network that is reached through an interface without a gateway.
type route struct {
	name    string
	network netip.Prefix
}

// parseRoutes reads the routes without a gateway from /proc/net/route: interface, destination, gateway, five numbers and the mask
// (the flags are the fourth field, the mask the eighth). Addresses are in hexadecimal, as the machine has them in memory.
func parseRoutes(data []byte) (routes []route) {
	for line := range bytes.Lines(data) {
		fields := strings.Fields(string(line))
		if len(fields) < 8 || fields[2] != "00000000" {
			continue
		}
		destination, ok1 := parseHexIPv4(fields[1])
		mask, ok2 := parseHexIPv4(fields[7])
		if !ok1 || !ok2 || mask == netip.IPv4Unspecified() {
			continue
		}
		routes = append(routes, route{name: fields[0], network: netip.PrefixFrom(destination, ones(mask))})
	}
	return routes
}

func ones(mask netip.Addr) (n int) {
	for _, b := range mask.As4() {
		for ; b&0x80 != 0; b <<= 1 {
			n++
		}
	}
	return n
}

// parseHexIPv4 parses an address as a number in the host's byte order, which is little-endian on all machines that nsviz runs on.
func parseHexIPv4(text string) (netip.Addr, bool) {
	n, err := strconv.ParseUint(text, 16, 32)
	if err != nil || len(text) != 8 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}), true
}

// parseLocalIPv4 finds the namespace's own addresses in /proc/net/fib_trie. A leaf is a line with the address ("|-- 172.17.0.2"),
// followed by "/32 host LOCAL".
func parseLocalIPv4(data []byte) (addresses []netip.Addr) {
	var leaf netip.Addr
	for line := range bytes.Lines(data) {
		text := string(bytes.TrimSpace(line))
		if rest, found := strings.CutPrefix(text, "|-- "); found {
			leaf, _ = netip.ParseAddr(rest)
			continue
		}
		// Both tables, main and local, have the same addresses.
		if text == "/32 host LOCAL" && leaf.Is4() && !slices.Contains(addresses, leaf) {
			addresses = append(addresses, leaf)
		}
	}
	return addresses
}

// parseIPv6 parses /proc/net/if_inet6: address, index, prefix length, scope and flags in hexadecimal, and the interface.
func parseIPv6(data []byte) func(yield func(string, netip.Prefix) bool) {
	return func(yield func(string, netip.Prefix) bool) {
		for line := range bytes.Lines(data) {
			fields := strings.Fields(string(line))
			if len(fields) != 6 {
				continue
			}
			raw, err := hex.DecodeString(fields[0])
			address, ok := netip.AddrFromSlice(raw)
			bits, errBits := strconv.ParseUint(fields[2], 16, 8)
			if err != nil || errBits != nil || !ok || !address.Is6() || bits > 128 {
				continue
			}
			if !yield(fields[5], netip.PrefixFrom(address, int(bits))) {
				return
			}
		}
	}
}
