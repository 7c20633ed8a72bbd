//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

const isolatedLimit = 16 << 20

// rootWithBusybox makes a root file system with busybox alone.
func rootWithBusybox(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"bin", "dev", "etc", "proc", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	must(t, exec.Command("cp", busybox, filepath.Join(root, "bin/busybox")))
	return root
}

// printed runs a command and returns what it prints to stdout.
func printed(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

func must(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// removeCgroup removes an empty cgroup that a runtime has made around those of its containers, from all hierarchies.
func removeCgroup(t *testing.T, path string) {
	t.Helper()
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		found, err := filepath.Glob(filepath.Join(pattern, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range found {
			_ = os.Remove(dir) // it may be in use
		}
	}
}

// bundle makes a bundle of a container that runs busybox with these arguments.
func bundle(t *testing.T, root, cgroup string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("runc", "spec")
	cmd.Dir = dir
	must(t, cmd)
	config := filepath.Join(dir, "config.json")
	data, err := os.ReadFile(config)
	var spec struct {
		Process, Root, Linux map[string]any
	}
	var all map[string]any
	if err == nil {
		err = errors.Join(json.Unmarshal(data, &all), json.Unmarshal(data, &spec))
	}
	if err != nil {
		t.Fatal(err)
	}
	spec.Process["terminal"], spec.Process["args"] = false, append([]string{"/bin/busybox"}, args...)
	delete(spec.Process, "rlimits") // raising one may be forbidden
	spec.Root["path"] = root
	spec.Linux["cgroupsPath"] = cgroup
	spec.Linux["resources"] = map[string]any{"memory": map[string]any{"limit": isolatedLimit}}
	all["process"], all["root"], all["linux"] = spec.Process, spec.Root, spec.Linux
	if data, err = json.Marshal(all); err == nil {
		err = os.WriteFile(config, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// An OOM kill in what no engine made is its own, not the host's: in a container of runc, wherever its cgroup is, of LXC, and in a sandbox.
func TestKillsWithoutAnEngine(t *testing.T) {
	root := rootWithBusybox(t)
	events := startEvents(t)
	layout := trackedHierarchy(t)
	cgroup := filepath.Join(layout.Dir, fmt.Sprintf("nsviz-test-isolated-%d.scope", os.Getpid()))
	limit, lxcLimit := "memory.max", "lxc.cgroup2.memory.max"
	if layout.Version != cgroupfs.V2 {
		limit, lxcLimit = "memory.limit_in_bytes", "lxc.cgroup.memory.limit_in_bytes"
	}
	if err := os.Mkdir(cgroup, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, func() bool { return os.Remove(cgroup) == nil }, func() string { return "the cgroup is empty" })
	})
	if err := os.WriteFile(filepath.Join(cgroup, limit), []byte(strconv.Itoa(isolatedLimit)), 0); err != nil {
		t.Fatal(err)
	}

	const runcName, lxcName = "nsviz-test-runc-oom", "nsviz-test-lxc-oom"
	folder := fmt.Sprintf("/nsviz-test-folder-%d", os.Getpid())
	t.Cleanup(func() {
		_ = exec.Command("runc", "delete", "--force", runcName).Run()
		removeCgroup(t, folder)
	})
	_ = exec.Command("runc", "run", "--bundle", bundle(t, root, folder+"/"+runcName, "tail", "/dev/zero"), runcName).Run() // it is killed

	lxc := t.TempDir()
	config := fmt.Sprintf("lxc.rootfs.path = dir:%s\nlxc.uts.name = box\nlxc.net.0.type = empty\nlxc.init.cmd = /bin/busybox tail /dev/zero\n"+
		"lxc.apparmor.profile = unconfined\n%s = %d\n", root, lxcLimit, isolatedLimit)
	err := os.Mkdir(filepath.Join(lxc, lxcName), 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(lxc, lxcName, "config"), []byte(config), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("lxc-stop", "-P", lxc, "-n", lxcName, "--kill").Run() })
	must(t, exec.Command("lxc-start", "-P", lxc, "-n", lxcName))

	inCgroup := `echo $$ > "$0/cgroup.procs" && exec `
	_ = exec.Command("sh", "-c", inCgroup+`bwrap --bind "$1" / --proc /proc --dev /dev --unshare-all /bin/busybox tail /dev/zero`, cgroup, root).Run() // it is killed

	for _, name := range []string{runcName, lxcName} {
		kill := events.await(t, 1, of(event.OOMKill, name))[0]
		started := events.await(t, 1, of(event.ContainerStarted, name))[0]
		exited := events.await(t, 1, of(event.ContainerExited, name))[0]
		want := map[string]string{runcName: "runc", lxcName: "lxc"}[name]
		for _, e := range []event.Event{kill, started, exited} {
			if c := e.Container; c.ID != name || c.Runtime != want || c.Kind != "" {
				t.Errorf("%s of %+v", e.Type, c)
			}
		}
	}
	sandboxed := events.await(t, 1, func(e *event.Event) bool {
		return e.Type == event.OOMKill && e.OOM.Victim.Cgroup == "/"+filepath.Base(cgroup)
	})[0]
	if c := sandboxed.Container; c == nil || c.Kind != event.KindSandbox || c.Runtime != "bubblewrap" {
		t.Errorf("killed in %+v: %+v", c, sandboxed.OOM.Victim)
	}
}

// A container of runc that nsviz did not see starting is found by runc's files, wherever its cgroup is.
func TestPsWithoutAnEngine(t *testing.T) {
	const name = "nsviz-test-runc-ps"
	root := rootWithBusybox(t)
	folder := fmt.Sprintf("/nsviz-test-folder-ps-%d", os.Getpid())
	t.Cleanup(func() {
		_ = exec.Command("runc", "delete", "--force", name).Run()
		removeCgroup(t, folder)
	})
	if err := exec.Command("runc", "run", "--detach", "--bundle", bundle(t, root, folder+"/"+name, "sleep", "1000"), name).Run(); err != nil {
		t.Fatal(err) // its output would be the container's, too
	}
	checkListed(t, name, "runc")
}

// checkListed checks that ps lists a container that runs, by a name that is its id.
func checkListed(t *testing.T, name, runtime string) {
	t.Helper()
	var list []psEntry
	nsvizJSON(t, &list, "ps", "-o", "json")
	i := slices.IndexFunc(list, func(e psEntry) bool { return e.Name == name })
	if i < 0 {
		t.Fatalf("%s is not among %+v", name, list)
	}
	if entry := list[i]; entry.ID != name || entry.Runtime != runtime || entry.PID == 0 {
		t.Errorf("%+v", entry)
	}
}

// crunCommand returns a command of crun. It refuses a hybrid layout of cgroups, so the part with version 2 is hidden from it.
func crunCommand(args ...string) *exec.Cmd {
	const unified = "/sys/fs/cgroup/unified"
	if _, err := os.Stat(unified); err != nil {
		return exec.Command("crun", args...)
	}
	return exec.Command("unshare", append([]string{"--mount", "sh", "-c", `umount "$0" && exec crun "$@"`, unified}, args...)...)
}

// A container of crun has crun's id for a name, from its start to its end, and if it runs already.
func TestCrun(t *testing.T) {
	root := rootWithBusybox(t)
	killed, running := fmt.Sprintf("nsviz-test-crun-oom-%d", os.Getpid()), fmt.Sprintf("nsviz-test-crun-%d", os.Getpid())
	t.Cleanup(func() {
		for _, name := range []string{killed, running} {
			_ = crunCommand("delete", "--force", name).Run()
		}
	})
	events := startEvents(t)
	_ = crunCommand("run", "--bundle", bundle(t, root, "/"+killed, "tail", "/dev/zero"), killed).Run() // it is killed
	for _, typ := range []event.Type{event.ContainerStarted, event.OOMKill, event.ContainerExited} {
		if c := events.await(t, 1, of(typ, killed))[0].Container; c.ID != killed || c.Runtime != "crun" || c.Kind != "" {
			t.Errorf("%s of %+v", typ, c)
		}
	}
	if err := crunCommand("run", "--detach", "--bundle", bundle(t, root, "/"+running, "sleep", "1000"), running).Run(); err != nil {
		t.Fatal(err) // its output would be the container's, too
	}
	checkListed(t, running, "crun")
}
