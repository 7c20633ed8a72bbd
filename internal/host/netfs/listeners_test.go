package netfs

import (
	"net"
	"os"
	"slices"
	"testing"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestParseHexAddrPort(t *testing.T) {
	for text, want := range map[string]string{
		"0100007F:1F90":                         "127.0.0.1:8080",
		"00000000:0050":                         "0.0.0.0:80",
		"00000000000000000000000001000000:0016": "[::1]:22",
		"0000000000000000FFFF00000100007F:0016": "127.0.0.1:22",
		"B80D01200000000067452301EFCDAB89:FFFF": "[2001:db8::123:4567:89ab:cdef]:65535",
	} {
		if got, ok := parseHexAddrPort(text); !ok || got.String() != want {
			t.Errorf("%s: %v, %t, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", ":", "0100007F", "0100007F:", "0100007F:10000", "01007F:0001", "0100007G:0001"} {
		if got, ok := parseHexAddrPort(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestListeners compares with sockets of this process.
func TestListeners(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	pid := int32(os.Getpid())
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	connected, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	own := map[uint64]bool{}
	if err := r.SocketInodes(pid, func(inode uint64) { own[inode] = true }); err != nil {
		t.Fatal(err)
	}
	list, err := r.Listeners(pid)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, l := range list {
		if own[l.Inode] {
			found = append(found, l.Protocol+" "+l.Address.String())
		}
	}
	slices.Sort(found)
	if want := []string{"tcp " + tcp.Addr().String(), "udp " + udp.LocalAddr().String()}; !slices.Equal(found, want) {
		t.Errorf("%v, want %v", found, want)
	}
}
