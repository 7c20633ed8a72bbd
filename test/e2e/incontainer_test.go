//go:build e2e && systemd

package e2e

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// nsviz in a privileged container, as platform teams run it. With the host's PID and cgroup namespaces it sees the same as on
// the host. Without them it reports what it cannot see, and counts as the kernel does.
func TestInAPrivilegedContainer(t *testing.T) {
	const watcher, victim = "nsviz-test-in-watcher", "nsviz-test-in-victim"
	for name, options := range map[string][]string{"as the host": {"--pid=host", "--cgroupns=host"}, "by itself": nil} {
		t.Run(name, func(t *testing.T) {
			removeContainer(t, watcher)
			args := append([]string{"run", "--rm", "--name", watcher, "--privileged", "--network=none", "-v", binary() + ":/nsviz:ro",
				"-v", "/var/run/docker.sock:/var/run/docker.sock"}, options...)
			events := startEventsBy(t, exec.Command("docker", append(args, busyboxImage, "/nsviz", "events", "-o", "json")...))
			stdout, _, code := outcome(t, exec.Command("docker", "exec", watcher, "/nsviz", "doctor"))
			if limited := contains("note ", "PID namespace", "--pid=host")(stdout); code != 0 || limited != (options == nil) {
				t.Errorf("doctor: exit code %d\n%s", code, stdout)
			}
			removeContainer(t, victim)
			id := docker(t, "run", "-d", "--name", victim, "--memory=32m", busyboxImage, "sh", "-c", "tail /dev/zero; sleep 1000")
			pid := docker(t, "inspect", "-f", "{{.State.Pid}}", id)
			if started := events.await(t, 1, of(event.ContainerStarted, victim))[0]; pid != fmt.Sprint(started.PID) {
				t.Errorf("started with PID %d, docker inspect says %s", started.PID, pid)
			}
			kill := events.await(t, 1, of(event.OOMKill, victim))[0]
			if o := kill.OOM; o.LimitBytes == nil || *o.LimitBytes != 32<<20 || o.Victim.Init || kill.Comm != "tail" {
				t.Errorf("kill %+v", o)
			}
			docker(t, "rm", "-f", victim)
			events.await(t, 1, of(event.ContainerExited, victim))
		})
	}
}
