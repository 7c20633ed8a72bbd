//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// Whatever runs a program in a container, of whatever runtime and also inside another container, it is told once: which command, as
// which user, and who asked for it.
func TestEnteredByRuntimes(t *testing.T) {
	const runcName, lxcName, podmanName, outer, inner = "nsviz-test-in-runc", "nsviz-test-in-lxc", "nsviz-test-in-podman", "nsviz-test-outer", "nsviz-test-inner"
	const command = "true; true"
	root := rootWithBusybox(t)
	folder := fmt.Sprintf("/nsviz-test-entered-%d", os.Getpid())
	address := startServe(t)
	events, text := startEvents(t), newLines()
	start(t, text, "events").stderr.await(t, "watching")

	t.Cleanup(func() {
		_ = exec.Command("runc", "delete", "--force", runcName).Run()
		removeCgroup(t, folder)
	})
	if err := exec.Command("runc", "run", "--detach", "--bundle", bundle(t, root, folder+"/"+runcName, "sleep", "1000"), runcName).Run(); err != nil {
		t.Fatal(err) // its output would be the container's, too
	}
	must(t, exec.Command("runc", "exec", "--user", "1000", runcName, "/bin/busybox", "sh", "-c", command))

	lxc := t.TempDir()
	config := fmt.Sprintf("lxc.rootfs.path = dir:%s\nlxc.uts.name = box\nlxc.net.0.type = empty\nlxc.init.cmd = /bin/busybox sleep 1000\nlxc.apparmor.profile = unconfined\n", root)
	if err := errors.Join(os.Mkdir(filepath.Join(lxc, lxcName), 0o755), os.WriteFile(filepath.Join(lxc, lxcName, "config"), []byte(config), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("lxc-stop", "-P", lxc, "-n", lxcName, "--kill").Run() })
	must(t, exec.Command("lxc-start", "-P", lxc, "-n", lxcName))
	events.await(t, 1, of(event.ContainerStarted, lxcName))
	must(t, exec.Command("lxc-attach", "-P", lxc, "-n", lxcName, "--uid", "1000", "--", "/bin/busybox", "sh", "-c", command))

	podman := newPodmanService(t)
	t.Cleanup(func() {
		_ = podman.command("rm", "--force", "--time", "0", podmanName).Run()
		podman.ended()
	})
	must(t, exec.Command("sh", "-c", fmt.Sprintf("tar -C %s -c . | CONTAINERS_CONF=%s %s", root, podman.config, strings.Join(podman.command("import", "-q", "-", "nsviz-test-entered").Args, " "))))
	podman.run("run", "-d", "--name", podmanName, "--network", "none", "nsviz-test-entered", "/bin/busybox", "sleep", "1000")
	podman.run("exec", "--user", "1000", podmanName, "/bin/busybox", "sh", "-c", command)

	// runc inside of a container of Docker, which gives its own a cgroup below that.
	removeContainer(t, outer)
	id := docker(t, "run", "-d", "--name", outer, "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
		"--security-opt", "systempaths=unconfined", "--volume", "/:/host", busyboxImage, "sleep", "1000")
	state := t.TempDir()
	inside := func(command string) {
		t.Helper()
		docker(t, "exec", outer, "chroot", "/host", "unshare", "--mount", "sh", "-c", "mount -t proc proc /proc && "+command)
	}
	outerCgroup := events.await(t, 1, func(e *event.Event) bool { return e.Type == event.CgroupCreated && e.Cgroup.Container.Label() == outer })[0].Cgroup.Path
	inside(fmt.Sprintf("runc --root %s run --detach --bundle %s %s </dev/null >/dev/null 2>%[1]s/log || { cat %[1]s/log >&2; exit 1; }", state, bundle(t, root, outerCgroup+"/"+inner, "sleep", "1000"), inner))
	t.Cleanup(func() { inside(fmt.Sprintf("runc --root %s delete --force %s", state, inner)) })
	inside(fmt.Sprintf("runc --root %s exec --user 1000 %s /bin/busybox sh -c '%s'", state, inner, command))

	for name, by := range map[string]string{runcName: "runc", lxcName: "memfd:lxc-attac", podmanName: "runc", inner: "runc"} {
		entry := events.await(t, 1, of(event.ContainerEntered, name))[0]
		in := entry.Entered
		if entry.UID == nil || *entry.UID != 1000 || entry.Container.Label() != name || in.CommandLine != "/bin/busybox sh -c "+command {
			t.Errorf("%s: %+v, %+v", name, entry, in)
		}
		from := ""
		if name == inner {
			from = id
		}
		if p := in.By; p == nil || p.UID == nil || *p.UID != 0 || p.Comm != by && p.Comm != "conmon" || p.ContainerUnknown || (p.Container == nil) != (from == "") || p.Container != nil && p.Container.ID != from {
			t.Errorf("%s: by %+v", name, in.By)
		}
	}
	if c := events.await(t, 1, of(event.ContainerEntered, inner))[0].Entered.Container; c.Parent == nil || c.Parent.ID != id || c.Parent.Name != outer {
		t.Errorf("the inner one is described as %+v", c)
	}

	netns := fmt.Sprintf("nsviz-test-%d", os.Getpid())
	must(t, exec.Command("ip", "netns", "add", netns))
	t.Cleanup(func() { must(t, exec.Command("ip", "netns", "delete", netns)) })
	byName := exec.Command("ip", "netns", "exec", netns, "true")
	must(t, byName)
	text.await(t, fmt.Sprintf("ip (PID %d, uid 0) entered net of netns %s", byName.Process.Pid, netns))

	for name, want := range map[string]string{runcName: "runc exec", lxcName: "lxc-attach", podmanName: "podman exec", outer: "docker exec", inner: "runc exec"} {
		most := uint64(1)
		if name == outer {
			most = 2
		}
		var answer report.ContainerAnswer
		eventually(t, func() bool {
			answer, _ = why(t, address, name)
			return hasEntries(most, model.EntryKind(event.ContainerEntered))(&answer)
		}, func() string { return fmt.Sprintf("%s was entered: %+v", name, answer.History) })
		entries := uint64(0)
		for i, m := range answer.History {
			if m.Kind == model.EntryKind(event.ContainerEntered) {
				entries += m.Times()
				if w := words(&answer.Container, answer.History)[i]; !strings.HasSuffix(w, ", as `"+want+"` does") {
					t.Errorf("%s: %s", name, w)
				}
			}
		}
		if entries != most {
			t.Errorf("%s: %d entries: %+v", name, entries, answer.History)
		}
	}
}
