//go:build e2e && systemd

package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// Tests that also have the tag systemd need a system with systemd and podman; test/vm has one.

// Podman needs no running engine, and nsviz has none to report: it recognizes the containers by their cgroups, and their names come from
// podman's files.
func TestPodman(t *testing.T) {
	const name = "nsviz-test-podman"
	if out, err := exec.Command("sh", "-c", "docker save "+busyboxImage+" | podman load").CombinedOutput(); err != nil {
		t.Fatalf("podman load: %v\n%s", err, out)
	}
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
