package sockets

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/host/netfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// activated is a socket that is listened on, as systemd does for a service.
type activated struct {
	t        *testing.T
	path     string
	listener *os.File
}

// activate makes a socket that no process but those of holdAs has open for long.
func activate(t *testing.T) *activated {
	t.Helper()
	path := filepath.Join(realDir(t), "podman.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	listener, _ := l.(*net.UnixListener)
	listener.SetUnlinkOnClose(false)
	f, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return &activated{t: t, path: path, listener: f}
}

// realDir returns a temporary folder by its real path.
func realDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// holdAs has a process that calls itself so hold the socket until end is called, which returns how many have connected since the end
// of another one that was asked for that.
func (a *activated) holdAs(comm string) (end func() (connections string)) {
	a.t.Helper()
	self, err := os.Executable()
	if err != nil {
		a.t.Fatal(err)
	}
	program := filepath.Join(a.t.TempDir(), comm)
	if err := os.Symlink(self, program); err != nil {
		a.t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), holdVariable+"=1")
	cmd.ExtraFiles = []*os.File{a.listener}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	said := bufio.NewReader(out)
	if line, err := said.ReadString('\n'); err != nil || line != "holds\n" {
		a.t.Fatalf("%s says %q, %v", comm, line, err)
	}
	return func() string {
		a.t.Helper()
		closed := in.Close()
		count, err := said.ReadString('\n')
		if err := errors.Join(closed, err, cmd.Wait()); err != nil {
			a.t.Error(err)
		}
		return strings.TrimSpace(count)
	}
}

func readers() Config {
	proc := pseudofs.Proc(pseudofs.DefaultProc)
	return Config{Proc: procfs.New(proc), Net: netfs.New(proc)}
}

// A socket that systemd alone holds is not connected to: that would start its service. Once the service has it, it is.
func TestHeldSocketIsNotConnectedTo(t *testing.T) {
	a := activate(t)
	f := New(readers())
	connects := map[string]func(context.Context, string) (net.Conn, error){
		"found": f.socket(a.path, "podman", false, uint32(os.Geteuid())).Connect, "chosen": f.Chosen(),
	}
	try := func(want error) {
		t.Helper()
		for name, connect := range connects {
			conn, err := connect(t.Context(), a.path)
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
			if err == nil {
				conn.Close()
			}
		}
	}
	endSystemd := a.holdAs("systemd")
	endService := a.holdAs("podman")
	if err := a.listener.Close(); err != nil { // the test is no service
		t.Fatal(err)
	}
	try(nil)
	if n := endService(); n != "2" {
		t.Errorf("the service has %s connections", n)
	}
	for range 2 { // the second time who has it not is remembered
		try(engine.ErrNotRunning)
	}
	if n := endSystemd(); n != "0" {
		t.Errorf("systemd has %s connections, and would start the service", n)
	}
	try(unix.ECONNREFUSED)
}
