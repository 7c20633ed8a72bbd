//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

// killsEach is how many processes of each workload are killed.
const killsEach = 5

// Every OOM kill of a mixed run is counted once, and at its own workload, whatever made that: the sums of the events and of the metric are
// those of /proc/vmstat and the kernel log, and each workload has as many as its cgroup counts.
func TestSumOfKills(t *testing.T) {
	const prefix = "nsviz-test-sum-"
	workloads := mixedWorkloads(t, prefix, strings.Repeat("/bin/busybox tail /dev/zero; ", killsEach)+"exec /bin/busybox sleep 1000")
	address := startServe(t)
	events := startEvents(t)
	log := followKernelLog(t, "")
	vmstat, metric := oomKillsOf(t, "/proc/vmstat"), sumOfKills(t, address)
	for name, w := range workloads {
		if err := w.command.Start(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}

	want := map[string]int{}
	for name := range workloads {
		want[name] = killsEach
	}
	got := map[string]int{}
	cgroups := map[string]string{}
	isKill := func(e *event.Event) bool { return e.Type == event.OOMKill }
	total := killsEach * len(workloads)
	for _, e := range events.await(t, total, isKill) {
		// Some have the name, and all others a cgroup that is called so.
		_, name, called := strings.Cut(filepath.Base(e.OOM.Cgroup), prefix)
		var by string
		var kind event.Kind
		if c := e.Container; c != nil {
			by, kind = c.Runtime, c.Kind
			if !called {
				name = strings.TrimPrefix(c.Name, prefix)
			}
		}
		got[name]++
		cgroups[name] = e.OOM.Cgroup
		if w := workloads[name]; by != w.runtime || (kind == event.KindSandbox) != w.sandbox {
			t.Errorf("%s: killed in %+v", name, e.Container)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("killed %v, want %v", got, want)
	}
	layout := trackedHierarchy(t)
	counter := "memory.events"
	if layout.Version != cgroupfs.V2 {
		counter = "memory.oom_control"
	}
	for name, cgroup := range cgroups {
		if own := oomKillsOf(t, filepath.Join(layout.Dir, cgroup, counter)); own != got[name] {
			t.Errorf("%s: %d kills, its cgroup has %d", name, got[name], own)
		}
	}
	kernel := oomKillsOf(t, "/proc/vmstat") - vmstat
	eventually(t, func() bool { return len(log.all()) >= kernel && sumOfKills(t, address)-metric >= kernel },
		func() string {
			return fmt.Sprintf("%d in the kernel log, %d in the metric", len(log.all()), sumOfKills(t, address)-metric)
		})
	if n, logged, counted := len(events.all(isKill)), len(log.all()), sumOfKills(t, address)-metric; n != kernel || logged != kernel || counted != kernel {
		t.Errorf("%d events, %d in the metric; %d in /proc/vmstat, %d in the kernel log", n, counted, kernel, logged)
	}
}

// workload is something that a runtime makes, or that is the host's.
type workload struct {
	runtime string // "" is the host
	sandbox bool
	command *exec.Cmd
}

// mixedWorkloads returns a workload of each runtime, which are to run a program of the shell with little memory. Their names, or those of
// their cgroups, begin with the prefix.
func mixedWorkloads(t *testing.T, prefix, program string) map[string]workload {
	t.Helper()
	sh := []string{"/bin/busybox", "sh", "-c", program}
	root := rootWithBusybox(t)
	if err := os.Mkdir(filepath.Join(root, "usr"), 0o755); err != nil { // without which systemd-nspawn refuses it
		t.Fatal(err)
	}
	removeContainer(t, prefix+"docker")
	podman := newPodmanService(t)
	t.Cleanup(func() {
		_ = podman.command("rm", "-f", "-a", "-t", "0").Run()
		podman.ended()
	})
	archive := filepath.Join(podman.dir, "image.tar")
	docker(t, "save", "-o", archive, busyboxImage)
	podman.run("load", "-i", archive)
	containerd := newContainerd(t, "default")
	t.Cleanup(func() { containerd.remove(prefix + "ctr") })
	folder := fmt.Sprintf("/nsviz-test-sum-%d", os.Getpid())
	t.Cleanup(func() {
		_ = exec.Command("runc", "delete", "--force", prefix+"runc").Run()
		emptyCgroup(t, folder)
	})
	bundle := bundle(t, root, folder+"/"+prefix+"runc", sh[1:]...)

	run := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Args = append(cmd.Args, sh...)
		return cmd
	}
	inCgroup := func(name string, command ...string) *exec.Cmd {
		cmd := exec.Command("sh", "-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`)
		t.Cleanup(func() { _ = cmd.Wait() }) // what is in the cgroup is killed before
		cmd.Args = append(append(cmd.Args, limitedCgroup(t, prefix+name, isolatedLimit)), command...)
		return run(cmd)
	}
	return map[string]workload{
		"docker": {"docker", false, run(exec.Command("docker", "run", "-d", "--name", prefix+"docker", "--memory=16m", busyboxImage))},
		"podman": {"podman", false, run(podman.command("run", "-d", "--name", prefix+"podman", "--network=none", "--memory=16m", busyboxImage))},
		"ctr":    {"containerd", false, run(containerd.command("run", "-d", "--memory-limit", strconv.Itoa(isolatedLimit), containerd.image, prefix+"ctr"))},
		"runc":   {"runc", false, exec.Command("runc", "run", "--detach", "--bundle", bundle, prefix+"runc")},
		"lxc":    {"lxc", false, newLXC(t, root, prefix+"lxc", program)},
		"nspawn": {"nspawn", false, inCgroup("nspawn", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe", "-D", root)},
		"bwrap":  {"bubblewrap", true, inCgroup("bwrap", "bwrap", "--bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--unshare-all")},
		// What runs in it is the host's busybox.
		"firejail": {"firejail", true, inCgroup("firejail", "firejail", "--quiet", "--noprofile")},
		"unshare":  {"unshare", true, inCgroup("unshare", "unshare", "-Upf", "--mount-proc")},
		"host":     {"", false, inCgroup("host")},
	}
}

// newLXC returns a command that starts a container in the background.
func newLXC(t *testing.T, root, name, program string) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	limit := "lxc.cgroup2.memory.max"
	if trackedHierarchy(t).Version != cgroupfs.V2 {
		limit = "lxc.cgroup.memory.limit_in_bytes"
	}
	// LXC splits the command at its spaces.
	script := filepath.Join(root, "bin/start")
	config := fmt.Sprintf("lxc.rootfs.path = dir:%s\nlxc.uts.name = box\nlxc.net.0.type = empty\nlxc.init.cmd = /bin/start\n"+
		"lxc.apparmor.profile = unconfined\nlxc.environment = PATH=/bin\n%s = %d\n", root, limit, isolatedLimit)
	if err := errors.Join(os.WriteFile(script, []byte("#!/bin/busybox sh\n"+program+"\n"), 0o755), os.Mkdir(filepath.Join(dir, name), 0o755),
		os.WriteFile(filepath.Join(dir, name, "config"), []byte(config), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("lxc-stop", "-P", dir, "-n", name, "--kill").Run() })
	return exec.Command("lxc-start", "-P", dir, "-n", name)
}

// oomKillsOf returns the line oom_kill of a file of the kernel's.
func oomKillsOf(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if number, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(number))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no oom_kill in %s", file)
	return 0
}

// sumOfKills adds up the kills of all workloads and the host in the metrics.
func sumOfKills(t *testing.T, address string) int {
	t.Helper()
	sum := 0
	for sample, value := range metrics(t, address) {
		if strings.HasPrefix(sample, "nsviz_oom_kills_total{") {
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}
