package anatomy

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
)

func TestParsePortProxy(t *testing.T) {
	line := func(words string) []byte { return []byte(strings.ReplaceAll(words, " ", "\x00") + "\x00") }
	got, ok := parsePortProxy(line("/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 " +
		"-container-ip 172.17.0.2 -container-port 80 -use-listen-fd"))
	want := portProxy{protocol: "tcp", host: netip.MustParseAddrPort("0.0.0.0:8080"), container: netip.MustParseAddrPort("172.17.0.2:80")}
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

// A proxy whose memory does not answer may be the container's. Then it is unknown which ports lead into it.
func TestPortProxyThatDoesNotAnswer(t *testing.T) {
	proc, cgroup := hosttest.Unpack(t, "v2")
	dir := filepath.Join(proc, "700")
	hosttest.Link(t, filepath.Join(dir, "exe"), "/usr/bin/docker-proxy")
	hosttest.WriteNamespaces(t, dir, nsfs.Initial())
	hosttest.WriteFile(t, filepath.Join(dir, "cgroup"), "0::/\n")
	hosttest.WriteFile(t, filepath.Join(dir, "cmdline"), "docker-proxy\x00")
	host, err := host.Open(host.Roots{Proc: proc, Cgroup: cgroup})
	if err != nil {
		t.Fatal(err)
	}
	hosttest.Block(t, filepath.Join(dir, "cmdline"))
	if list, err := portProxies(host, nsfs.Initial()[event.Mnt]); len(list) > 0 || !errors.Is(err, procfs.ErrNoAnswer) {
		t.Errorf("%+v, %v", list, err)
	}
	hosttest.Answer(t, filepath.Join(dir, "cmdline"))
}
