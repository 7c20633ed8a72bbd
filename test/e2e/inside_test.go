//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// In a PID namespace of its own, as in a container without --pid=host, nsviz reports what it cannot see. All other output is
// true: the kernel still uses the host's numbers.
func TestInsidePIDNamespace(t *testing.T) {
	const early, late = "nsviz-test-inside-early", "nsviz-test-inside-late"
	inside := func(args string) *exec.Cmd {
		cmd := exec.Command("sh", "-c", "mount --make-rprivate / && mount -t proc proc /proc && exec "+binary()+" "+args)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
		return cmd
	}
	removeContainer(t, early)
	removeContainer(t, late)
	docker(t, "run", "-d", "--name", early, "--memory=32m", busyboxImage, "sh", "-c",
		`trap "" TERM; while [ ! -e /go ]; do sleep 0.1; done; tail /dev/zero; sleep 1000`)

	stdout, _, code := outcome(t, inside("doctor"))
	if code != 0 || !contains("note ", "PID namespace", "--pid=host")(stdout) {
		t.Errorf("doctor: exit code %d\n%s", code, stdout)
	}

	events := startEventsBy(t, inside("events -o json"))
	docker(t, "exec", early, "touch", "/go")
	kill := events.await(t, 1, of(event.OOMKill, early))[0]
	if o := kill.OOM; o.LimitBytes == nil || *o.LimitBytes != 32<<20 || o.Victim.Init {
		t.Errorf("kill %+v", o)
	}
	id := docker(t, "run", "-d", "--name", late, busyboxImage, "sleep", "1000")
	pid := docker(t, "inspect", "-f", "{{.State.Pid}}", id)
	started := events.await(t, 1, of(event.ContainerStarted, late))[0]
	if got := started.PID; pid != fmt.Sprint(got) {
		t.Errorf("started with PID %d, docker inspect says %s", got, pid)
	}
	docker(t, "rm", "-f", late)
	events.await(t, 1, of(event.ContainerExited, late))
	if made := events.all(func(e *event.Event) bool {
		return e.Type == event.ContainerExited && e.Container.Name == early || e.Namespace != nil && e.Namespace.Via == event.ViaReconcile
	}); len(made) > 0 {
		t.Errorf("made up: %+v", made)
	}
}
