package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestListenOff(t *testing.T) {
	for _, addresses := range [][]string{nil, {""}} {
		listeners, err := Listen(addresses)
		if err != nil || len(listeners) != 0 {
			t.Errorf("Listen(%q) = %v, %v; want nothing", addresses, listeners, err)
		}
	}
}

func TestListenSeveral(t *testing.T) {
	listeners, err := Listen([]string{"127.0.0.1:0", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if len(listeners) != 2 {
		t.Errorf("%d listeners, want 2", len(listeners))
	}
	for _, l := range listeners {
		l.Close()
	}
}

func TestListenPortInUse(t *testing.T) {
	holder, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	address := holder.Addr().String()

	_, err = Listen([]string{address})
	want := address + ` is in use: choose another with --web.listen-address, or turn metrics off with --web.listen-address=""`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Error("the cause is not reachable")
	}
}

// One that fails closes those before it: their port is free again.
func TestListenClosesTheOthers(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := probe.Addr().String()
	probe.Close()

	if _, err := Listen([]string{address, address}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("got %v, want that the address is in use", err)
	}
	again, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the first listener stayed open: %v", err)
	}
	again.Close()
}

func TestListenBadAddress(t *testing.T) {
	for address, want := range map[string]string{
		"localhost":      "must be HOST:PORT, for example 127.0.0.1:10064",
		"192.0.2.1:0":    "is not an address of this host",
		"127.0.0.1:name": "serving metrics on 127.0.0.1:name",
	} {
		if _, err := Listen([]string{address}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Listen(%q): %v; want %q in it", address, err, want)
		}
	}
	if _, err := Listen([]string{"127.0.0.1:0", ""}); err == nil || !strings.Contains(err.Error(), "turns metrics off") {
		t.Errorf("off beside an address: %v", err)
	}
}

// inheriting has the test's program print the addresses of the sockets that it inherits.
const inheriting = "NSVIZ_TEST_INHERIT"

// As systemd does it: the sockets are the file descriptors from 3 on, and $LISTEN_PID says for whom.
func TestInherited(t *testing.T) {
	if os.Getenv(inheriting) != "" {
		listeners, err := Inherited()
		for _, l := range listeners {
			fmt.Println("inherited", l.Addr())
		}
		fmt.Println("error", err)
		return
	}
	stream, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	datagrams, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	for name, tt := range map[string]struct {
		sockets []interface{ File() (*os.File, error) }
		want    string
	}{
		"a socket":     {[]interface{ File() (*os.File, error) }{stream}, "inherited " + stream.Addr().String() + "\nerror <nil>\n"},
		"none":         {nil, "error --web.systemd-socket: systemd has passed on no socket: start nsviz by its unit nsviz.socket"},
		"of datagrams": {[]interface{ File() (*os.File, error) }{stream, datagrams}, "error --web.systemd-socket: a socket that systemd has passed on accepts no connections"},
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0" -test.run='^TestInherited$'`, os.Args[0])
		cmd.Env = append(os.Environ(), inheriting+"=yes", fmt.Sprint("LISTEN_FDS=", len(tt.sockets)))
		for _, s := range tt.sockets {
			file, err := s.File()
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			cmd.ExtraFiles = append(cmd.ExtraFiles, file)
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), tt.want) {
			t.Errorf("%s: %v\n%swant\n%s", name, err, out, tt.want)
		}
	}
}
