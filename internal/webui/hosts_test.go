package webui

import (
	"errors"
	"strings"
	"testing"
)

func TestHosts(t *testing.T) {
	hosts, err := ParseHosts([]string{"NSVIZ.example.com.", "*.lan.example", "192.0.2.7", "[2001:db8::7]", "xn--nsviz-mnchen-blb.example"}, func() (string, error) { return "Node-1.dc.example", nil })
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"127.0.0.1:10064": true, "192.0.2.9": true, "[::1]:10064": true, "[fe80::1%eth0]:80": true, "127.0.0.1.": true,
		"localhost": true, "LOCALHOST.:80": true, "node.localhost:10064": true,
		"nsviz.example.com": true, "nsviz.example.com:10064": true, "Nsviz.Example.com.": true, "xn--nsviz-mnchen-blb.example": true,
		"a.lan.example": true, "a.b.lan.example:80": true,
		"node-1": true, "NODE-1:10064": true, "node-1.dc.example": true,

		"": false, ":10064": false, ".": false, "rebound.example": false, "localhost.example": false, "mylocalhost": false,
		"other.example.com": false, "a.nsviz.example.com": false, "nsviz.example.com.rebound.example": false,
		"lan.example": false, "evillan.example": false, "a.lan.example.rebound.example": false,
		"node-1.rebound.example": false, "dc.example": false, "node-11": false,
		"127.0.0.1.rebound.example": false, "1.2.3": false, "0x7f.0.0.1": false, "2130706433": false,
	} {
		if got := hosts.Accept(host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
	nameless, err := ParseHosts(nil, func() (string, error) { return "", errors.New("none") })
	if err != nil || nameless.Accept("node-1") || nameless.Accept("") || !nameless.Accept("localhost") {
		t.Error(err)
	}
}

func TestWrongHosts(t *testing.T) {
	for text, says := range map[string]string{
		"*": "every web page", "": "want a name", "http://a.example": "without a scheme", "a.example:80": "and a port", "a..example": "want a name",
		"*.": "want a name", "a.*.example": "want a name", "*a.example": "want a name", "ä.example": "want a name", "a b": "want a name", ".example": "want a name",
		strings.Repeat("a", 64): "want a name", strings.Repeat("a.", 130) + "a": "want a name",
	} {
		if _, err := ParseHosts([]string{"good.example", text}, nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
