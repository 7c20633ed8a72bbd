//go:build e2e && systemd

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// Tests that also have the tag systemd need a system with systemd and podman; test/vm has one.

// Podman needs no running engine, and nsviz has none to report: it recognizes the containers by their cgroups, and their names come from
// podman's files.
func TestPodman(t *testing.T) {
	const name = "nsviz-test-podman"
	loadIntoPodman(t)
	t.Cleanup(func() { _ = exec.Command("podman", "rm", "-f", name).Run() })
	events := startEvents(t)
	out, err := exec.Command("podman", "run", "-d", "--name", name, "--network=none", "--memory=32m", busyboxImage, "tail", "/dev/zero").Output()
	if err != nil {
		t.Fatalf("podman run: %v", err)
	}
	id := strings.TrimSpace(string(out))
	for _, typ := range []event.Type{event.ContainerStarted, event.OOMKill, event.ContainerExited} {
		e := events.await(t, 1, func(e *event.Event) bool { return e.Type == typ && e.Container != nil && e.Container.ID == id })[0]
		if e.Container.Runtime != "podman" || e.Comm != "tail" {
			t.Errorf("%s of %q by %+v", typ, e.Comm, e.Container)
		}
		if typ != event.ContainerStarted && e.Container.Name != name {
			t.Errorf("%s of %q", typ, e.Container.Name)
		}
		switch typ {
		case event.OOMKill:
			if o := e.OOM; o.Scope != event.ScopeCgroup || o.LimitBytes == nil || *o.LimitBytes != 32<<20 || !o.Victim.Init {
				t.Errorf("%+v", e.OOM)
			}
		case event.ContainerExited:
			if e.Exit.Cause != event.CauseOOMKill {
				t.Errorf("%+v", e.Exit)
			}
		}
	}
}

func loadIntoPodman(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", "docker save "+busyboxImage+" | podman load").CombinedOutput(); err != nil {
		t.Fatalf("podman load: %v\n%s", err, out)
	}
}

// The container of a Quadlet unit is in the unit's cgroup, apart from its conmon, and is podman's by the name that the unit gives it.
func TestQuadlet(t *testing.T) {
	const unit, name, dir = "nsviz-test-quadlet", "nsviz-test-quadlet-web", "/run/containers/systemd"
	loadIntoPodman(t)
	file := filepath.Join(dir, unit+".container")
	systemctl := func(args ...string) *exec.Cmd { return exec.Command("systemctl", args...) }
	t.Cleanup(func() {
		_ = systemctl("stop", unit).Run()
		_ = os.Remove(file)
		_ = systemctl("daemon-reload").Run()
		_ = systemctl("reset-failed", unit).Run() // it is forgotten unless it has failed
	})
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	text := "[Container]\nImage=" + busyboxImage + "\nContainerName=" + name + "\nNetwork=none\n" +
		"PodmanArgs=--memory=32m --pull=never\nExec=tail /dev/zero\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	must(t, systemctl("daemon-reload"))
	events := startEvents(t)
	if out, err := systemctl("start", "--no-block", unit).CombinedOutput(); err != nil {
		t.Fatalf("systemctl start: %v\n%s", err, out)
	}
	kill := events.await(t, 1, of(event.OOMKill, name))[0]
	if c, v := kill.Container, kill.OOM.Victim; c.Runtime != "podman" || !v.Init || !strings.Contains(v.Cgroup, "/"+unit+".service/libpod-payload-"+c.ID) {
		t.Errorf("%+v, %+v", c, v)
	}
	exit := events.await(t, 1, of(event.ContainerExited, name))[0]
	if exit.Exit.Cause != event.CauseOOMKill {
		t.Errorf("%+v", exit.Exit)
	}
}
