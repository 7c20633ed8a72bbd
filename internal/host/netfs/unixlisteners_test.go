package netfs

import (
	"net"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

const unixFile = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 20001 /run/podman/podman.sock
0000000000000000: 00000003 00000000 00000000 0001 03 20002 /run/podman/podman.sock
0000000000000000: 00000002 00000000 00010000 0001 01    73 /run/a b.sock
0000000000000000: 00000002 00000000 00010000 0001 01 20004 @/run/podman/podman.sock
0000000000000000: 00000002 00000000 00010000 0001 01 20005 /run/podman/podman.sock
0000000000000000: 00000003 00000000 00000000 0001 03 20006
`

func TestUnixListeners(t *testing.T) {
	proc, _ := hosttest.Unpack(t, "v2")
	hosttest.WriteFile(t, filepath.Join(proc, "1/net/unix"), unixFile)
	r := New(pseudofs.Proc(proc))
	for path, want := range map[string][]uint64{"/run/podman/podman.sock": {20001, 20005}, "/run/a b.sock": {73}, "/run/a": nil} {
		if got, err := r.UnixListeners(1, path); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", path, got, err, want)
		}
	}
	if _, err := r.UnixListeners(2, "/run/podman/podman.sock"); !pseudofs.IsGone(err) {
		t.Errorf("of a process that is gone: %v", err)
	}
}

// The kernel's own table: a socket that listens is among those that its process has open.
func TestUnixListenersOfThisProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	proc := pseudofs.Proc(pseudofs.DefaultProc)
	self, err := proc.Self()
	if err != nil {
		t.Fatal(err)
	}
	r := New(proc)
	inodes, err := r.UnixListeners(self, path)
	if err != nil || len(inodes) != 1 {
		t.Fatalf("%v, %v", inodes, err)
	}
	open := false
	if err := r.SocketInodes(self, func(inode uint64) { open = open || inode == inodes[0] }); err != nil || !open {
		t.Errorf("open %v, %v", open, err)
	}
}
