//go:build e2e && systemd

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// Tests that also have the tag systemd need a system with systemd, podman and crun; test/vm has one.

// firstWords returns what a command prints, by the first word of each line.
func firstWords(t *testing.T, name string, args ...string) []string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	var words []string
	for line := range strings.Lines(string(out)) {
		if fields := strings.Fields(line); len(fields) > 0 {
			words = append(words, fields[0])
		}
	}
	return words
}

// untilGo is a program of the shell that is killed by the OOM killer once there is a file.
const untilGo = "until [ -e /dev/go ]; do /bin/busybox sleep 2; done; exec /bin/busybox tail /dev/zero"

// Containers in cgroups that systemd has made: scopes for podman, runc and crun, a unit that podman's generator has made of a file (Quadlet), a
// machine of systemd-nspawn that is registered with machined. No engine runs; each runtime lists the same containers as nsviz does, under
// the same names. An OOM kill in one of them is its own, one in a unit with namespaces of its own is the unit's, and one in another unit is
// the host's. The kernel has counted as many in the slice that has them all.
func TestUnitsOfSystemd(t *testing.T) {
	const (
		prefix                   = "nsviz-test-unit-"
		slice                    = "nsviztestunits.slice"
		quadlet, podman, machine = prefix + "quadlet", prefix + "podman", prefix + "machine"
	)
	must(t, exec.Command("sh", "-c", "docker save "+busyboxImage+" | podman load"))
	install(t, "/run/containers/systemd/"+quadlet+".container", fmt.Sprintf(`[Container]
Image=%s
Exec=sh -c "%s"
Network=none
PodmanArgs=--memory=%d --memory-swap=%[3]d
[Service]
Slice=%s
`, busyboxImage, untilGo, isolatedLimit, slice))
	systemctl(t, "daemon-reload")
	t.Cleanup(func() { systemctl(t, "stop", slice) }) // with all that is in it
	events := startEvents(t)

	systemctl(t, "start", quadlet)
	t.Cleanup(func() { _ = exec.Command("systemctl", "reset-failed").Run() })
	t.Cleanup(func() { _ = exec.Command("podman", "rm", "-f", podman).Run() })
	must(t, exec.Command("podman", "run", "-d", "--name="+podman, "--cgroup-parent="+slice, "--network=none",
		fmt.Sprint("--memory=", isolatedLimit), busyboxImage, "sh", "-c", untilGo))
	for _, runtime := range []string{"runc", "crun"} {
		name := prefix + runtime
		t.Cleanup(func() { _ = exec.Command(runtime, "delete", "--force", name).Run() })
		dir := bundle(t, rootWithBusybox(t), slice+":"+runtime+":"+name, "sh", "-c", untilGo)
		if err := exec.Command(runtime, "--systemd-cgroup", "run", "--detach", "--bundle", dir, name).Run(); err != nil {
			t.Fatal(err) // its output would be the container's, too
		}
	}
	nspawn := exec.Command("systemd-nspawn", "--machine="+machine, "--directory="+rootWithBusybox(t), "--slice="+slice,
		"--property=MemorySwapMax=0", fmt.Sprint("--property=MemoryMax=", isolatedLimit), "--resolv-conf=off", "--timezone=off",
		"--console=pipe", "/bin/busybox", "sh", "-c", untilGo)
	if err := os.MkdirAll(filepath.Join(nspawn.Args[2][len("--directory="):], "usr"), 0o755); err != nil { // it insists
		t.Fatal(err)
	}
	if err := nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nspawn.Wait() }) // its program is killed

	runtimes := map[string]string{podman: "podman", "systemd-" + quadlet: "podman", prefix + "runc": "runc", prefix + "crun": "crun", machine: "nspawn"}
	for name := range runtimes {
		events.await(t, 1, of(event.ContainerStarted, name))
	}
	listed := psOf(t)
	for runtime, want := range map[string][]string{
		"podman": firstWords(t, "podman", "ps", "--format", "{{.Names}}"),
		"runc":   firstWords(t, "runc", "list", "--quiet"),
		"crun":   firstWords(t, "crun", "list", "--quiet"),
		"nspawn": firstWords(t, "machinectl", "list", "--no-legend"),
	} {
		var got []string
		for name, w := range listed {
			if w.Runtime == runtime {
				got = append(got, name)
			}
		}
		want = slices.DeleteFunc(want, func(name string) bool { return !strings.Contains(name, prefix) }) // crun's are podman's, too
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("nsviz lists %q of %s, which lists %q", got, runtime, want)
		}
	}
	for name := range runtimes {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/root/dev/go", listed[name].PID), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, runtime := range runtimes {
		kill := events.await(t, 1, of(event.OOMKill, name))[0]
		if c, o := kill.Container, kill.OOM; c.Runtime != runtime || c.Kind != "" || !o.Victim.Init || o.Scope != event.ScopeCgroup ||
			o.LimitBytes == nil || *o.LimitBytes != isolatedLimit {
			t.Errorf("%s was killed in %+v: %+v", name, c, o)
		}
		if at := kill.OOM.Victim.Cgroup; strings.HasSuffix(name, quadlet) && !strings.HasSuffix(at, "/"+quadlet+".service/libpod-payload-"+kill.Container.ID) {
			t.Errorf("%s was killed in the cgroup %s", name, at)
		}
		if end := events.await(t, 1, of(event.ContainerExited, name))[0]; end.Exit.Cause != event.CauseOOMKill {
			t.Errorf("%s ended: %+v", name, end.Exit)
		}
	}

	for unit, property := range map[string]string{prefix + "plain.service": "Description=x", prefix + "net.service": "PrivateNetwork=yes"} {
		out, _ := exec.Command("systemd-run", "--wait", "--slice="+slice, "--unit="+unit, "--property="+property, "--property=MemorySwapMax=0",
			fmt.Sprint("--property=MemoryMax=", isolatedLimit), "/bin/busybox", "tail", "/dev/zero").CombinedOutput() // it is killed
		if !strings.Contains(string(out), "oom-kill") {
			t.Errorf("systemd says of %s: %s", unit, out)
		}
		kill := events.await(t, 1, func(e *event.Event) bool {
			return e.Type == event.OOMKill && strings.HasSuffix(e.OOM.Victim.Cgroup, "/"+unit)
		})[0]
		c := kill.Container
		if own := property == "PrivateNetwork=yes"; own != (c != nil) || own && (c.Kind != event.KindService || c.Name != unit || c.Runtime != "systemd") ||
			kill.ContainerUnknown {
			t.Errorf("%s was killed in %+v", unit, c)
		}
	}
	counts, err := os.ReadFile("/sys/fs/cgroup/" + slice + "/memory.events")
	if err != nil {
		t.Fatal(err)
	}
	within := events.all(func(e *event.Event) bool {
		return e.Type == event.OOMKill && strings.HasPrefix(e.OOM.Victim.Cgroup, "/"+slice+"/")
	})
	if want := fmt.Sprintf("\noom_kill %d\n", len(within)); len(within) != len(runtimes)+2 || !strings.Contains(string(counts), want) {
		t.Errorf("%d kills, the kernel counted\n%s", len(within), counts)
	}
}
