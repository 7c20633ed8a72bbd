package webui

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Hosts knows the names under which this server may be asked for data.
type Hosts struct {
	names    []string // in lower case, without a dot at the end
	suffixes []string // likewise, each with a dot before it
	own      func() (string, error)
}

// ParseHosts reads names and addresses, and patterns such as *.example.com for all names below one. own returns the name of this host, which
// may change; it is accepted, too, in full and up to its first dot.
func ParseHosts(list []string, own func() (string, error)) (*Hosts, error) {
	h := &Hosts{own: own}
	for _, text := range list {
		name := strings.ToLower(strings.TrimSuffix(text, "."))
		below, all := strings.CutPrefix(name, "*.")
		switch {
		case text == "*":
			return nil, fmt.Errorf("%q would let every web page read nsviz: write the name, or *.example.com for all names below one; "+
				"with a password in --web.config.file nsviz answers under any name", text)
		case isAddress(name):
			h.names = append(h.names, strings.Trim(name, "[]"))
		case !isName(below):
			return nil, fmt.Errorf("%q: want a name or an address without a scheme and a port, such as nsviz.example.com, or *.example.com for all names below one", text)
		case all:
			h.suffixes = append(h.suffixes, "."+below)
		default:
			h.names = append(h.names, name)
		}
	}
	return h, nil
}

// Accept reports whether a request with this Host header may be answered. Addresses are always accepted, since a page of another site cannot
// have one as its own, and so is localhost, which leads to this host for everybody (RFC 6761).
func (h *Hosts) Accept(host string) bool {
	name := host
	if n, _, err := net.SplitHostPort(host); err == nil {
		name = n
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	switch {
	case isAddress(name), name == "localhost", strings.HasSuffix(name, ".localhost"), slices.Contains(h.names, name):
		return true
	case slices.ContainsFunc(h.suffixes, func(s string) bool { return strings.HasSuffix(name, s) }):
		return true
	case name == "":
		return false
	}
	own, err := h.own()
	if err != nil {
		return false // then it has no name of its own
	}
	own = strings.ToLower(strings.TrimSuffix(own, "."))
	short, _, _ := strings.Cut(own, ".")
	return name == own || name == short
}

// isAddress reports whether a host is an IP address, which may be in brackets.
func isAddress(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// isName reports whether a text can be the name of a host, as browsers send it: labels of letters, digits, - and _. A name in another
// script is sent as xn--….
func isName(text string) bool {
	if len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}
