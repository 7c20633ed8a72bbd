//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// 100 short-lived containers, four at a time: each starts once and exits once, under its name, and none is left.
func TestShortLives(t *testing.T) {
	const containers, atOnce = 100, 4
	address := startServe(t)
	events := startEvents(t)
	prefix := "nsviz-test-brief-"
	t.Cleanup(func() {
		if left := docker(t, "ps", "-aq", "--filter", "name="+prefix); left != "" {
			docker(t, append([]string{"rm", "-f"}, strings.Fields(left)...)...)
		}
	})

	names := make(chan string)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for name := range names {
				out, err := exec.Command("docker", "run", "--rm", "--name", name, "--net=none", busyboxImage, "true").CombinedOutput()
				if err != nil {
					t.Errorf("docker run %s: %v\n%s", name, err, out)
				}
			}
		})
	}
	for i := range containers {
		names <- fmt.Sprint(prefix, i)
	}
	close(names)
	workers.Wait()

	about := func(typ event.Type) func(*event.Event) bool {
		return func(e *event.Event) bool {
			c := e.Subject()
			return e.Type == typ && c != nil && strings.HasPrefix(c.Name, prefix)
		}
	}
	events.await(t, containers, about(event.ContainerExited))
	events.await(t, containers, about(event.CgroupRemoved))
	for _, typ := range []event.Type{event.ContainerStarted, event.ContainerExited} {
		seen := map[string]int{}
		for _, e := range events.all(about(typ)) {
			seen[e.Container.Name]++
			if e.Comm != "true" && e.Comm != "busybox" {
				t.Errorf("%s: %s is no program of the container's own", typ, e.Comm)
			}
			if c := e.Exit; c != nil && (c.Cause != event.CauseExited || *c.Code != 0) {
				t.Errorf("%s of %s: %+v", typ, e.Container.Name, c)
			}
		}
		for i := range containers {
			if n := seen[fmt.Sprint(prefix, i)]; n != 1 {
				t.Errorf("%d %s of %s%d, want 1", n, typ, prefix, i)
			}
		}
		if len(seen) != containers {
			t.Errorf("%s of %d containers, want %d", typ, len(seen), containers)
		}
	}
	if lost := events.all(func(e *event.Event) bool { return e.Type == event.EventsLost }); len(lost) > 0 {
		t.Errorf("events were lost: %+v", lost)
	}
	const live = `nsviz_containers{runtime="docker"}`
	running := func() string { return fmt.Sprint(len(strings.Fields(docker(t, "ps", "-q")))) }
	eventually(t, func() bool { return metrics(t, address)[live] == running() },
		func() string { return "live containers: " + metrics(t, address)[live] + ", docker ps has " + running() })
	m := metrics(t, address)
	for name := range m {
		if strings.HasPrefix(name, "nsviz_container_memory") && strings.Contains(name, prefix) {
			t.Errorf("left over: %s", name)
		}
	}
}

// A restart is an exit and a start of the same container; an exec is neither.
func TestRestartAndExec(t *testing.T) {
	const name = "nsviz-test-restart"
	removeContainer(t, name)
	events := startEvents(t)
	id := docker(t, "run", "-d", "--name", name, busyboxImage, "sleep", "1000")
	events.await(t, 1, of(event.ContainerStarted, name))
	docker(t, "exec", name, "true")
	docker(t, "restart", "-t", "0", name)
	starts := events.await(t, 2, of(event.ContainerStarted, name))
	exits := events.await(t, 1, of(event.ContainerExited, name))
	docker(t, "rm", "-f", name)
	exits = events.await(t, len(exits)+1, of(event.ContainerExited, name))
	if len(exits) != 2 || len(events.all(of(event.ContainerStarted, name))) != 2 {
		t.Errorf("%d exits and %d starts, want 2 and 2", len(exits), len(events.all(of(event.ContainerStarted, name))))
	}
	for _, e := range append(starts, exits...) {
		if e.Container.ID != id {
			t.Errorf("%s of container %s, want %s", e.Type, e.Container.ID, id)
		}
	}
	// docker restart -t 0 and docker rm -f send SIGKILL, by way of runc.
	for _, e := range exits {
		if e.Exit.Cause != event.CauseSignal || e.Exit.Signal != 9 || *e.Exit.Code != 137 {
			t.Errorf("exit %+v, want SIGKILL", e.Exit)
		}
		if e.Exit.By == nil || e.Exit.By.PID == 0 || e.Exit.By.Comm == "" {
			t.Errorf("exit %+v does not say who sent the signal", e.Exit)
		}
	}
	if exits[0].PID != starts[0].PID || exits[1].PID != starts[1].PID {
		t.Errorf("exits of %d and %d, want those of the inits %d and %d", exits[0].PID, exits[1].PID, starts[0].PID, starts[1].PID)
	}
}

// The start is that of the container's own program, with the PID that the engine reports.
func TestStartAgreesWithEngine(t *testing.T) {
	const parent = "nsviz-test-parent"
	t.Cleanup(func() { removeCgroups(t, parent) }) // the engine leaves the parents that it made for the container
	for _, variant := range [][]string{
		nil, {"--pid=host"}, {"--init"}, {"--net=host", "--ipc=host", "--uts=host"}, {"--memory=32m", "--cgroup-parent=/" + parent},
	} {
		t.Run(strings.Join(append(variant, "x"), " "), func(t *testing.T) {
			const name = "nsviz-test-start"
			removeContainer(t, name)
			events := startEvents(t)
			docker(t, append(append([]string{"run", "-d", "--name", name}, variant...), busyboxImage, "sleep", "1000")...)
			started := events.await(t, 1, of(event.ContainerStarted, name))
			if pid := docker(t, "inspect", "-f", "{{.State.Pid}}", name); pid != fmt.Sprint(started[0].PID) {
				t.Errorf("started with PID %d, docker inspect says %s", started[0].PID, pid)
			}
			ids := started[0].Start.Namespaces
			if diff := namespaceDiff(t, started[0].PID, ids); diff != "" {
				t.Errorf("namespaces (-kernel +event):\n%s", diff)
			}
			docker(t, "stop", "-t", "0", name)
			exits := events.await(t, 1, of(event.ContainerExited, name))
			if exits[0].PID != started[0].PID {
				t.Errorf("exit of %d, want %d", exits[0].PID, started[0].PID)
			}
		})
	}
}

// removeCgroups removes the empty cgroups with a name at the top of every hierarchy.
func removeCgroups(t *testing.T, name string) {
	t.Helper()
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		found, err := filepath.Glob(pattern + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range found {
			if err := os.Remove(dir); err != nil {
				t.Error(err)
			}
		}
	}
}
