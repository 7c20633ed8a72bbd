package ondisk

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
)

// isolator adds a process with a child in namespaces of its own.
func (h *testHost) isolator(pid int, uid uint32, pidns, userns int, args ...string) {
	h.t.Helper()
	child := pid + 1
	h.process(pid, filepath.Base(args[0]), uid, fmt.Sprint(pid), args...)
	h.process(child, "inside", uid, fmt.Sprint(child, "\t1"), "inside")
	dir := filepath.Join(h.proc, fmt.Sprint(pid))
	tasks := filepath.Join(dir, "task", fmt.Sprint(pid))
	if err := os.MkdirAll(tasks, 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tasks, "children"), fmt.Appendf(nil, "%d ", child), 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.namespaces(pid, 100, 200)
	h.namespaces(child, pidns, userns)
}

// namespaces adds the PID and the user namespace of a process.
func (h *testHost) namespaces(pid, pidns, userns int) {
	h.t.Helper()
	links := filepath.Join(h.proc, fmt.Sprint(pid), "ns")
	if err := os.MkdirAll(links, 0o755); err != nil {
		h.t.Fatal(err)
	}
	h.link(fmt.Sprintf("pid:[%d]", pidns), filepath.Join(links, "pid"))
	h.link(fmt.Sprintf("user:[%d]", userns), filepath.Join(links, "user"))
}

// What has no cgroup of its own is named by the command line of what isolates it, whoever's that is.
func TestIsolatorsNameWhatTheyIsolate(t *testing.T) {
	self := uint32(os.Getuid())
	h := newHost(t)
	h.isolator(20, self, 7, 200, "/usr/bin/bwrap", "--unshare-pid", "/usr/bin/firefox")
	h.isolator(30, 4000, 100, 8, "bwrap", "--unshare-user", "sh")
	h.isolator(40, self, 9, 200, "firejail", "--name=jail", "vlc")
	h.isolator(50, self, 10, 200, "systemd-nspawn", "-D", "/srv/web")
	h.isolator(60, self, 11, 8, "bwrap", "--args", "35", "hog")
	flatpaks := fmt.Sprintf("/run/user/%d/.flatpak/", self)
	h.write(flatpaks+"1/pid", "59")
	h.write(flatpaks+"2/pid", "60")
	h.write(flatpaks+"2/info", "[Runtime]\nname=no\n[Application]\nruntime=x\nname=org.example.App\n[Instance]\nname=no\n")
	h.isolator(70, self, 100, 200, "bwrap", "sh") // which isolates nothing that counts
	h.isolator(80, self, 12, 200, "bwrap")
	s := h.source()
	for _, want := range []container.Identity{
		{ID: "pid-7", Runtime: "bubblewrap", Name: "bwrap-20 (firefox)"},
		{ID: "user-8", Runtime: "bubblewrap", Name: "bwrap-30 (sh)"},
		{ID: "pid-9", Runtime: "firejail", Name: "jail"},
		{ID: "pid-10", Runtime: "nspawn", Name: "web"},
		{ID: "pid-11", Runtime: "flatpak", Name: "org.example.App"},
	} {
		want.Source = container.SourceCommandLine
		s.scanIfDue()
		got, _ := identify(t, s, want.ID)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for _, id := range []string{"pid-100", "user-200", "pid-12"} {
		if got, ok := identify(t, s, id); ok {
			t.Errorf("%+v", got)
		}
	}
	// The number is another namespace's by now.
	if err := os.Remove(filepath.Join(h.proc, "41/ns/pid")); err != nil {
		t.Fatal(err)
	}
	h.link("pid:[13]", filepath.Join(h.proc, "41/ns/pid"))
	if got, ok := identify(t, s, "pid-9"); ok {
		t.Errorf("%+v", got)
	}
}

// A question that comes too soon after a scan is answered by the next one.
func TestIsolatorsAreFoundLater(t *testing.T) {
	h := newHost(t)
	s := h.source()
	identities := run(t, s) // which has scanned
	h.isolator(20, uint32(os.Getuid()), 7, 200, "bwrap", "--unshare-pid", "/usr/bin/firefox")
	s.Ask("pid-7")
	select {
	case got := <-identities:
		if got.ID != "pid-7" || got.Name != "bwrap-20 (firefox)" {
			t.Errorf("%+v", got)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("no answer")
	}
}
