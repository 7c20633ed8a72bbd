//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

// An unprivileged container of LXC, and a container of runc in its cgroup, as an engine makes in LXC: the kills in each are its own.
func TestRuncInLXC(t *testing.T) {
	outer, inner := fmt.Sprintf("nsviz-test-outer-%d", os.Getpid()), fmt.Sprintf("nsviz-test-inner-%d", os.Getpid())
	limit := "lxc.cgroup2.memory.max"
	if trackedHierarchy(t).Version != cgroupfs.V2 {
		limit = "lxc.cgroup.memory.limit_in_bytes"
	}
	root := rootWithBusybox(t)
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil { // others than root are to get to it
		t.Fatal(err)
	}
	folder := t.TempDir()
	config := fmt.Sprintf("lxc.rootfs.path = dir:%s\nlxc.uts.name = box\nlxc.net.0.type = empty\nlxc.init.cmd = /bin/busybox sleep 1000\n"+
		"lxc.apparmor.profile = unconfined\nlxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n%s = %d\n", root, limit, 2*isolatedLimit)
	err := os.Mkdir(filepath.Join(folder, outer), 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, outer, "config"), []byte(config), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Without newuidmap, which asks /etc/subuid, LXC maps the users itself, as root may.
	lxc := func(command string, args ...string) *exec.Cmd {
		path, err := exec.LookPath(command)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(path, append([]string{"-P", folder, "-n", outer}, args...)...)
		cmd.Env = []string{"PATH=" + folder}
		return cmd
	}
	events := startEvents(t)
	t.Cleanup(func() {
		_ = exec.Command("runc", "delete", "--force", inner).Run()
		_ = lxc("lxc-stop", "--kill").Run()
	})
	must(t, lxc("lxc-start", "-o", filepath.Join(folder, "log")))
	_ = exec.Command("runc", "run", "--bundle", bundle(t, root, "/lxc.payload."+outer+"/"+inner, "tail", "/dev/zero"), inner).Run() // it is killed
	_ = lxc("lxc-attach", "--", "/bin/busybox", "tail", "/dev/zero").Run()                                                          // it is killed

	describe := func(c *event.Container) string {
		var parts []string
		for ; c != nil; c = c.Parent {
			parts = append(parts, c.Runtime+" "+c.Name)
		}
		return strings.Join(parts, " in ")
	}
	want := map[string]string{outer: "lxc " + outer, inner: "runc " + inner + " in lxc " + outer}
	for name, want := range want {
		for _, typ := range []event.Type{event.ContainerStarted, event.OOMKill} {
			if got := describe(events.await(t, 1, of(typ, name))[0].Container); got != want {
				t.Errorf("%s of %s, want %s", typ, got, want)
			}
		}
	}
	for _, kill := range events.all(func(e *event.Event) bool { return e.Type == event.OOMKill }) {
		isInit := kill.Container != nil && kill.Container.Name == inner
		if kill.OOM.Victim.Init != isInit {
			t.Errorf("%s: %+v", describe(kill.Container), kill.OOM.Victim)
		}
	}
}
