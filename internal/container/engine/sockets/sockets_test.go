package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// listen makes a socket below a folder, and the folders above it.
func listen(t *testing.T, root, path string) {
	t.Helper()
	full := filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", full)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

// found lists what a finder finds: runtime, path and user.
func found(f *Finder) []string {
	var list []string
	for _, s := range f.Find() {
		list = append(list, fmt.Sprint(s.Runtime, " ", strings.TrimPrefix(s.Path, f.cfg.Root), " ", s.User))
	}
	return list
}

func TestFind(t *testing.T) {
	// A user's socket is one of his own or of root, who these tests may be.
	uid := uint32(max(os.Geteuid(), 1))
	root := realDir(t)
	c := readers()
	c.Root = root
	f := New(c)
	check := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, found(f)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	check()
	user := fmt.Sprint("/run/user/", uid)
	listen(t, root, user+"/docker.sock")
	listen(t, root, user+"/podman/podman.sock")
	ofUser := []string{fmt.Sprint("docker ", user, "/docker.sock ", uid), fmt.Sprint("podman ", user, "/podman/podman.sock ", uid)}
	check(ofUser...)

	// What is no socket, no user's folder, or a link to somewhere else, is left alone.
	for _, file := range []string{"/run/docker.sock", "/run/user/7/docker.sock"} {
		if err := os.MkdirAll(filepath.Dir(root+file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	listen(t, root, "/run/user/someone/docker.sock")
	listen(t, root, "/run/user/0/docker.sock")
	listen(t, root, "/run/user/0008/docker.sock")
	if err := os.Mkdir(root+"/run/user/9", 0o755); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"/run/user/9/docker.sock": user + "/docker.sock", "/run/user/9/podman": user + "/podman", "/run/podman": user + "/podman"} {
		if err := os.Symlink(root+target, root+link); err != nil {
			t.Fatal(err)
		}
	}
	check(ofUser...)

	if os.Geteuid() == 0 {
		// The host's come first, and a user's is not another user's.
		if err := os.Remove(root + "/run/podman"); err != nil {
			t.Fatal(err)
		}
		listen(t, root, "/run/podman/podman.sock")
		listen(t, root, "/run/user/10/docker.sock")
		if err := os.Chown(root+"/run/user/10/docker.sock", 11, 11); err != nil {
			t.Fatal(err)
		}
		check(append([]string{"podman /run/podman/podman.sock 0"}, ofUser...)...)
	}

	before := f.Find()
	if err := os.Remove(root + user + "/podman/podman.sock"); err != nil {
		t.Fatal(err)
	}
	after := f.Find()
	if len(after) != len(before)-1 || after[len(after)-1] != before[len(before)-2] {
		t.Errorf("%d sockets after %d", len(after), len(before))
	}
	if n := len(f.sockets); n != len(after) {
		t.Errorf("%d sockets are kept", n)
	}
}

// Where podman stands in for Docker, Docker's usual socket is a link to podman's: that is one engine.
func TestFindLeavesOutWhatIsFollowed(t *testing.T) {
	root := realDir(t)
	uid := max(os.Geteuid(), 1)
	socket := fmt.Sprint("/run/user/", uid, "/podman/podman.sock")
	listen(t, root, socket)
	c := readers()
	c.Root, c.Except = root, root+"/run/docker.sock"
	if err := os.Symlink(root+socket, c.Except); err != nil {
		t.Fatal(err)
	}
	if list := found(New(c)); list != nil {
		t.Errorf("found %q", list)
	}
}

// A socket that is replaced by a link after it was found is not followed to where the link leads.
func TestConnectDoesNotFollowLinks(t *testing.T) {
	root := realDir(t)
	uid := max(os.Geteuid(), 1)
	socket, other := fmt.Sprint("/run/user/", uid, "/docker.sock"), "/run/other.sock"
	listen(t, root, socket)
	listen(t, root, other)
	c := readers()
	c.Root = root
	list := New(c).Find()
	if len(list) != 1 {
		t.Fatalf("found %d", len(list))
	}
	conn, err := list[0].Connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := os.Remove(root + socket); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(root+other, root+socket); err != nil {
		t.Fatal(err)
	}
	if conn, err := list[0].Connect(t.Context(), ""); err == nil {
		conn.Close()
		t.Error("connected by a link")
	}
}

// Connections do not get into each other's way.
func TestConnectAtTheSameTime(t *testing.T) {
	root := realDir(t)
	listen(t, root, fmt.Sprint("/run/user/", max(os.Geteuid(), 1), "/docker.sock"))
	c := readers()
	c.Root = root
	list := New(c).Find()
	if len(list) != 1 {
		t.Fatalf("found %d", len(list))
	}
	var connecting sync.WaitGroup
	for range 50 {
		connecting.Go(func() {
			conn, err := list[0].Connect(t.Context(), "")
			if err != nil {
				t.Error(err)
				return
			}
			conn.Close()
		})
	}
	connecting.Wait()
}

// The sockets of the CRI API are found, and are root's.
func TestFindCRI(t *testing.T) {
	root := realDir(t)
	c := readers()
	c.Root = root
	f := New(c)
	listen(t, root, "/run/crio/crio.sock")
	listen(t, root, "/run/containerd/containerd.sock")
	listen(t, root, "/run/user/1000/containerd/containerd.sock")
	var want []string
	if os.Geteuid() == 0 {
		want = []string{"containerd /run/containerd/containerd.sock 0", "cri-o /run/crio/crio.sock 0"}
	}
	if diff := cmp.Diff(want, found(f)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, s := range f.Find() {
		if !s.CRI {
			t.Errorf("%s serves Docker's API", s.Path)
		}
	}
}

// A folder that does not answer keeps one goroutine busy, however often it is tried.
func TestConnectToAFolderThatIsStuck(t *testing.T) {
	s := New(readers()).socket("/nowhere", "docker", false, 0)
	s.opening <- struct{}{} // as while it is being opened
	ctx, cancel := context.WithTimeoutCause(t.Context(), 0, errStuck)
	defer cancel()
	if _, err := s.Connect(ctx, ""); !errors.Is(err, errStuck) {
		t.Errorf("connected: %v", err)
	}
	<-s.opening
	if _, err := s.Connect(t.Context(), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("once it answers: %v", err)
	}
}
