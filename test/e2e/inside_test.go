//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
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

// In a cgroup namespace of its own, as in a container without --cgroupns=host, procfs shows nsviz the other cgroups as "/../…". What
// happens in them is the same as on the host: also in one beside its own.
func TestInsideCgroupNamespace(t *testing.T) {
	const far, beside, late = "nsviz-test-cgroupns-far", "nsviz-test-cgroupns-beside", "nsviz-test-cgroupns-late"
	parent := makeLimited(t, "nsviz-test-cgroupns", 1<<30)
	for _, name := range []string{far, beside, late} {
		removeContainer(t, name)
	}
	const program = `trap "" TERM; while [ ! -e /go ]; do sleep 0.1; done; tail /dev/zero; sleep 1000`
	docker(t, "run", "-d", "--name", far, "--memory=32m", busyboxImage, "sh", "-c", program)
	docker(t, "run", "-d", "--name", beside, "--memory=32m", "--cgroup-parent", parent, busyboxImage, "sh", "-c", program)
	own := limitedCgroup(t, strings.TrimPrefix(parent, "/")+"/own", 1<<30)
	inside := func(args ...string) *exec.Cmd {
		return exec.Command("sh", append([]string{"-c", `echo $$ >"$0/cgroup.procs" && exec unshare --cgroup -- "$@"`, own, binary()}, args...)...)
	}

	stdout, stderr, code := outcome(t, inside("ps", "-o", "json"))
	var list []psEntry
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || code != 0 {
		t.Fatalf("ps: exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	found := map[string]bool{}
	for _, c := range list {
		found[c.Name] = c.PID != 0
	}
	if !found[far] || !found[beside] {
		t.Errorf("ps: %+v", list)
	}

	events := startEventsBy(t, inside("events", "-o", "json"))
	docker(t, "run", "-d", "--name", late, "--memory=32m", "--cgroup-parent", parent, busyboxImage, "sh", "-c", program)
	events.await(t, 1, of(event.ContainerStarted, late))
	for _, name := range []string{far, beside, late} {
		docker(t, "exec", name, "touch", "/go")
		kill := events.await(t, 1, of(event.OOMKill, name))[0]
		if o := kill.OOM; o.Scope != event.ScopeCgroup || o.LimitBytes == nil || *o.LimitBytes != 32<<20 || !strings.HasSuffix(o.Cgroup, kill.Container.ID) {
			t.Errorf("%s: kill %+v", name, o)
		}
		docker(t, "rm", "-f", name)
		events.await(t, 1, of(event.ContainerExited, name))
	}
}
