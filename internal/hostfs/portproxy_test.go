package hostfs

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParsePortProxy(t *testing.T) {
	line := func(words string) []byte { return []byte(strings.ReplaceAll(words, " ", "\x00") + "\x00") }
	got, ok := parsePortProxy(line("/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 " +
		"-container-ip 172.17.0.2 -container-port 80 -use-listen-fd"))
	want := PortProxy{Protocol: "tcp", Host: netip.MustParseAddrPort("0.0.0.0:8080"), Container: netip.MustParseAddrPort("172.17.0.2:80")}
	if !ok || got != want {
		t.Errorf("%+v, %t", got, ok)
	}
	for _, words := range []string{
		"", "docker-proxy", "docker-proxy -proto", "docker-proxy -proto tcp -host-ip x -host-port 1 -container-ip ::1 -container-port 1",
		"docker-proxy -proto tcp -host-ip ::1 -host-port 65536 -container-ip ::1 -container-port 1",
	} {
		if got, ok := parsePortProxy(line(words)); ok {
			t.Errorf("%q: %+v", words, got)
		}
	}
}
