//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/report"
)

// rootlessUID is an ordinary user, who needs no account.
const rootlessUID = 61001

// rootlessPodman is podman as that user runs it who has no session and no cgroup of his own.
type rootlessPodman struct {
	t    *testing.T
	home string
	// cgroup is the cgroup that it is run in.
	cgroup ownCgroup
}

func newRootlessPodman(t *testing.T, limit uint64) *rootlessPodman {
	t.Helper()
	home := t.TempDir()
	p := &rootlessPodman{t: t, home: home, cgroup: makeOwnCgroup(t, limit)}
	t.Cleanup(func() {
		_ = p.command("rm", "-f", "-a", "-t", "0").Run()
		p.endAll()
	})
	config := "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n" +
		"[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"runc\"\n"
	archive := filepath.Join(home, "image.tar")
	docker(t, "save", "-o", archive, busyboxImage)
	for name, mode := range map[string]os.FileMode{filepath.Dir(home): 0o755, archive: 0o644} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(home, rootlessUID, rootlessUID); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "containers.conf"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	p.run("load", "-i", archive)
	return p
}

func (p *rootlessPodman) command(args ...string) *exec.Cmd {
	script := `echo $$ >"$0/cgroup.procs" && cd "$HOME" && exec setpriv --reuid ` + fmt.Sprint(rootlessUID) + ` --regid ` + fmt.Sprint(rootlessUID) + ` --clear-groups podman "$@"`
	cmd := exec.Command("sh", append([]string{"-c", script, p.cgroup.inner, "--storage-driver", "vfs"}, args...)...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "USER=nsviz-test", "XDG_RUNTIME_DIR=" + p.home + "/run", "TMPDIR=" + p.home,
		"CONTAINERS_CONF=" + p.home + "/containers.conf",
	}
	return cmd
}

func (p *rootlessPodman) run(args ...string) string {
	p.t.Helper()
	return printed(p.t, p.command(args...))
}

// endAll ends what is left of the user's processes, such as the one that keeps podman's namespaces.
func (p *rootlessPodman) endAll() {
	p.t.Helper()
	var left []byte
	eventually(p.t, func() bool {
		left, _ = exec.Command("pkill", "--signal", "KILL", "--echo", "--uid", fmt.Sprint(rootlessUID)).Output() // it fails where there is none
		return len(left) == 0
	}, func() string { return fmt.Sprintf("the processes of the user end: %s", left) })
}

// The containers of a rootless podman have no cgroup of their own on cgroup v1, nor without a session. They are its containers all the same,
// by name, and so is what the OOM killer does in them. No file of theirs is in a place that is known by default.
func TestRootlessPodman(t *testing.T) {
	const early, late = "nsviz-test-rootless-early", "nsviz-test-rootless-late"
	p := newRootlessPodman(t, 64<<20)
	run := func(name, command string) string {
		return p.run("run", "-d", "--name", name, "--network=none", busyboxImage, "sh", "-c", command)
	}
	earlyID := run(early, "exec sleep 1000")
	events := startEvents(t)

	// Its first kill comes before its files were read.
	lateID := run(late, "while true; do tail /dev/zero; sleep 0.1; done")
	kill := events.await(t, 1, func(e *event.Event) bool {
		return e.Type == event.OOMKill && e.OOM.Victim.Comm == "tail" && strings.HasPrefix(e.OOM.Victim.Cgroup, p.cgroup.path)
	})[0]
	if c, o := kill.Container, kill.OOM; c == nil || c.ID != lateID || c.Runtime != "podman" || o.Scope != event.ScopeCgroup || o.Victim.Init || o.Victim.Comm != "tail" {
		t.Errorf("%+v, %+v", c, o)
	}

	var list []psEntry
	nsvizJSON(t, &list, "ps", "-o", "json")
	for id, name := range map[string]string{earlyID: early, lateID: late} {
		n := 0
		for _, c := range list {
			if c.ID != id {
				continue
			}
			n++
			if shared := c.Namespaces[event.User].SharedWithHost; c.Name != name || c.Runtime != "podman" || !strings.Contains(c.Image, busyboxImage) ||
				fmt.Sprint(c.PID) != p.run("inspect", "--format", "{{.State.Pid}}", name) || shared == nil || *shared {
				t.Errorf("%+v", c)
			}
		}
		if n != 1 {
			t.Errorf("%s is listed %d times: %+v", name, n, list)
		}
	}

	p.run("kill", early)
	exit := events.await(t, 1, of(event.ContainerExited, early))[0]
	if exit.Container.ID != earlyID || exit.ContainerUnknown || exit.Exit.Signal != int32(syscall.SIGKILL) {
		t.Errorf("%+v, %+v", exit.Container, exit.Exit)
	}
}

// A pod of a podman that serves no API: its members are in it, it is marked, and a kill in a member is that member's.
func TestPodmanPod(t *testing.T) {
	const pod, name, idle = "nsviz-test-podman-pod", "nsviz-test-podman-worker", "nsviz-test-podman-idle"
	podman := newPodmanService(t)
	archive := filepath.Join(podman.dir, "image.tar")
	docker(t, "save", "-o", archive, busyboxImage)
	podman.run("load", "-i", archive)
	t.Cleanup(func() {
		_ = podman.command("pod", "rm", "-f", "-a", "-t", "0").Run()
		podman.ended()
	})
	events := startEvents(t)
	podman.run("pod", "create", "--name", pod, "--network=none", "--infra-image", busyboxImage, "--infra-command", "sleep 1000")
	podman.run("run", "-d", "--pod", pod, "--name", idle, busyboxImage, "sleep", "1000")
	id := podman.run("run", "-d", "--pod", pod, "--name", name, "--memory=16m", busyboxImage, "tail", "/dev/zero")

	kill := events.await(t, 1, func(e *event.Event) bool {
		return e.Type == event.OOMKill && e.Container != nil && e.Container.ID == id
	})[0]
	if c := kill.Container; c.Runtime != "podman" || c.Group == nil || c.Group.Kind != event.GroupPod || !kill.OOM.Victim.Init {
		t.Errorf("%+v, %+v", c, kill.OOM.Victim)
	}
	var list []report.Workload
	nsvizJSON(t, &list, "ps", "-o", "json")
	kinds := map[string]event.Kind{}
	for _, c := range list {
		if g := c.Group; g != nil && g.Name == pod && c.Runtime == "podman" {
			kinds[g.Member] = c.KindOf()
		}
	}
	if len(kinds) != 2 || kinds[idle] != event.KindContainer || kinds[""] != event.KindPod {
		t.Errorf("in the pod: %v", kinds)
	}
}
