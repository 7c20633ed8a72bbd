package netfs

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

const devFile = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
  eth0:      90       1    0    0    0     0          0         0        0       0    0    0    0     0       0          0
a:b` + "\x1b" + `:      90       1    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`

const trieFile = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.1
              /32 host LOCAL
     +-- 172.17.0.0/16 2 0 2
        |-- 172.17.0.0
           /16 link UNICAST
        |-- 172.17.0.2
           /32 host LOCAL
        |-- 172.17.255.255
           /32 link BROADCAST
     |-- 10.9.8.7
        /32 host LOCAL
Local:
     |-- 172.17.0.2
        /32 host LOCAL
`

const routeFile = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010011AC	0003	0	0	0	00000000	0	0	0
eth0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
odd	zz	00000000	0001	0	0	0	0000FFFF	0	0	0
`

func TestNetwork(t *testing.T) {
	proc, _ := hosttest.Unpack(t, "v2")
	r := New(pseudofs.Proc(proc))
	dir := filepath.Join(proc, "9", "net")
	hosttest.WriteFile(t, filepath.Join(dir, "dev"), devFile)
	network, err := r.Of(9) // neither IPv4 nor IPv6
	want := Network{Interfaces: []Interface{{Name: "lo"}, {Name: "eth0"}, {Name: "a:b\x1b"}}}
	compare := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	compareAddr := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if diff := cmp.Diff(want, network, compare, compareAddr); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	hosttest.WriteFile(t, filepath.Join(dir, "fib_trie"), trieFile)
	hosttest.WriteFile(t, filepath.Join(dir, "route"), routeFile)
	hosttest.WriteFile(t, filepath.Join(dir, "if_inet6"), "fe80000000000000000000fffe000001 04 40 20 80     eth0\n"+
		"00000000000000000000000000000001 01 80 10 80       lo\nbad 01 80 10 80 lo\n00000000000000000000000000000001 01 ff 10 80 lo\n0000 01\n")
	network, err = r.Of(9)
	want = Network{
		Interfaces: []Interface{
			{Name: "lo", Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8"), netip.MustParsePrefix("::1/128")}},
			{Name: "eth0", Addresses: []netip.Prefix{netip.MustParsePrefix("172.17.0.2/16"), netip.MustParsePrefix("fe80::ff:fe00:1/64")}},
			{Name: "a:b\x1b"},
		},
		Unplaced: []netip.Addr{netip.MustParseAddr("10.9.8.7")},
	}
	if diff := cmp.Diff(want, network, compare, compareAddr); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if err := os.Remove(filepath.Join(dir, "dev")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Of(9); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
}
