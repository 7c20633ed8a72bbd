//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/anatomy"
)

// finding returns the finding of that kind; nil if there is none.
func finding(a *anatomy.Anatomy, id string) *anatomy.Finding {
	for i := range a.Findings {
		if a.Findings[i].ID == id {
			return &a.Findings[i]
		}
	}
	return nil
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestInspectPorts compares with `docker port`, and finds a program's own socket in the host's network.
func TestInspectPorts(t *testing.T) {
	const prefix = "nsviz-test-ports-"
	names := func(ports []anatomy.Port, by anatomy.PortBy) (list []string) {
		for _, p := range ports {
			if p.By != by || p.PID == 0 {
				t.Errorf("%+v, want it by %s", p, by)
			}
			list = append(list, fmt.Sprintf("%d/%s -> %s", p.ContainerPort, p.Protocol, net.JoinHostPort(p.HostIP.String(), fmt.Sprint(p.HostPort))))
		}
		slices.Sort(list)
		return list
	}
	for _, test := range []struct {
		name, publish string
		severity      anatomy.Severity
	}{
		{"everywhere", "%s:80", anatomy.Medium},
		{"udp", "0.0.0.0:%s:80/udp", anatomy.Medium},
		{"here", "127.0.0.1:%s:80", anatomy.Info},
	} {
		name := prefix + test.name
		removeContainer(t, name)
		docker(t, "run", "-d", "--name", name, "-p", fmt.Sprintf(test.publish, freePort(t)), busyboxImage, "sleep", "1000")
		a := inspect(t, name)
		want := strings.Split(docker(t, "port", name), "\n")
		slices.Sort(want)
		if diff := cmp.Diff(want, names(a.Ports, anatomy.ByProxy)); diff != "" {
			t.Errorf("%s (-docker +nsviz): %s", test.name, diff)
		}
		if f := finding(&a, "host_ports"); f == nil || f.Severity != test.severity {
			t.Errorf("%s: %+v, want it %s", test.name, f, test.severity)
		}
	}
	port := freePort(t)
	name := prefix + "own"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--network=host", busyboxImage, "httpd", "-f", "-p", "127.0.0.1:"+port)
	var a anatomy.Anatomy
	eventually(t, func() bool { a = inspect(t, name); return len(a.Ports) > 0 }, func() string { return "its socket" })
	if diff := cmp.Diff([]string{"0/tcp -> 127.0.0.1:" + port}, names(a.Ports, anatomy.BySocket)); diff != "" {
		t.Errorf("its own: %s", diff)
	}
	if f := finding(&a, "host_ports"); f == nil || f.Severity != anatomy.Info {
		t.Errorf("its own: %+v", f)
	}
	// The other network's ports are not its own.
	name = prefix + "quiet"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, busyboxImage, "sleep", "1000")
	if a := inspect(t, name); len(a.Ports) != 0 || a.Ports == nil || finding(&a, "host_ports") != nil {
		t.Errorf("without ports: %+v", a.Ports)
	}
}

// TestInspectComparesSettings changes a container behind the engine's back. TestInspectFindings checks, with every option, that
// otherwise there is no difference.
func TestInspectComparesSettings(t *testing.T) {
	const name = "nsviz-test-told"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--memory=64m", "--cpus=0.5", "--pids-limit=50", busyboxImage, "sleep", "1000")
	differences := func() (looser, stricter []string) {
		t.Helper()
		a := inspect(t, name)
		if f := finding(&a, "looser_than_told"); f != nil {
			looser = f.Details
		}
		if f := finding(&a, "stricter_than_told"); f != nil {
			stricter = f.Details
		}
		return looser, stricter
	}
	expect := func(what string, looser, stricter []string) {
		t.Helper()
		gotLooser, gotStricter := differences()
		if diff := cmp.Diff([][]string{looser, stricter}, [][]string{gotLooser, gotStricter}); diff != "" {
			t.Errorf("%s (-want +got): %s", what, diff)
		}
	}
	expect("as set", nil, nil)
	a := inspect(t, name)
	layout := trackedHierarchy(t)
	file, none := "memory.limit_in_bytes", "-1"
	if layout.Controller == "" {
		file, none = "memory.max", "max"
	}
	file = filepath.Join(layout.Dir, a.Resources.Cgroup, file)
	swap := filepath.Join(filepath.Dir(file), "memory.swap.max")
	if layout.Controller != "" {
		swap = filepath.Join(filepath.Dir(file), "memory.memsw.limit_in_bytes") // memory and swap together
	}
	_, err := os.Stat(swap)
	limitsSwap := err == nil
	writeTo := func(file, limit string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(limit), 0); err != nil {
			t.Fatal(err)
		}
	}
	write := func(limit string) {
		t.Helper()
		writeTo(file, limit)
	}
	if limitsSwap {
		more := 192 << 20
		if layout.Controller != "" {
			more += 64 << 20
		}
		writeTo(swap, fmt.Sprint(more))
		expect("more swap", []string{"swap limit: 67108864 bytes in the settings of docker, 201326592 bytes in the kernel"}, nil)
		writeTo(swap, fmt.Sprint(more-128<<20))
		expect("as much swap as set", nil, nil)
	}
	write("33554432")
	expect("lowered", nil, []string{"memory limit: 67108864 bytes in the settings of docker, 33554432 bytes in the kernel"})
	raised := []string{"memory limit: 67108864 bytes in the settings of docker, none in the kernel"}
	if layout.Controller != "" && limitsSwap { // v1 limits both together, so that limit comes first
		writeTo(swap, none)
		raised = append(raised, "swap limit: 67108864 bytes in the settings of docker, none in the kernel")
	}
	write(none)
	expect("raised", raised, nil)
	docker(t, "update", "--memory=64m", "--memory-swap=128m", name)
	expect("updated", nil, nil)

	removeContainer(t, name+"-nnp")
	docker(t, "run", "-d", "--name", name+"-nnp", busyboxImage, "setpriv", "--nnp", "sleep", "1000")
	eventually(t, func() bool {
		a := inspect(t, name+"-nnp")
		f := finding(&a, "stricter_than_told")
		return f != nil && slices.Equal(f.Details, []string{"no_new_privs: off in the settings of docker, on in the kernel"})
	}, func() string { return "no_new_privs" })
}

// TestInspectByHand inspects a container that no engine made: a process with all privileges of the host's PID 1, in a cgroup
// like an engine's. Not every host lets an engine make such a container.
func TestInspectByHand(t *testing.T) {
	layout := trackedHierarchy(t)
	id := fmt.Sprintf("%064x", os.Getpid())
	outer := filepath.Join(layout.Dir, fmt.Sprintf("nsviz-test-hand-%d", os.Getpid()))
	cgroup := filepath.Join(outer, id)
	for _, dir := range []string{outer, cgroup} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			eventually(t, func() bool { err := os.Remove(dir); return err == nil || errors.Is(err, os.ErrNotExist) }, func() string { return dir })
		})
	}
	cmd := exec.Command("sleep", "1000")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if err := os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	var a anatomy.Anatomy
	nsvizJSON(t, &a, "inspect", id, "-o", "json")
	for _, want := range []string{"privileged", "no_seccomp", "writable_proc_sys"} {
		if finding(&a, want) == nil {
			t.Errorf("no finding %s: %+v", want, a.Findings)
		}
	}
	if finding(&a, "looser_than_told") != nil || finding(&a, "stricter_than_told") != nil {
		t.Error("it differs from settings that nobody made")
	}
	// Whether a security module is active depends on the host.
	label, err := os.ReadFile(fmt.Sprintf("/proc/%d/attr/current", cmd.Process.Pid))
	want := map[bool]string{true: "lsm_unconfined", false: "no_lsm"}[err == nil && strings.TrimSpace(string(label)) == "unconfined"]
	if finding(&a, want) == nil {
		t.Errorf("no finding %s with the label %q, %v", want, label, err)
	}
	if _, _, code := nsviz(t, "inspect", id, "--fail-on", "critical"); code != failed {
		t.Errorf("--fail-on critical: exit code %d", code)
	}
}

// TestInspectLayers compares with the engine's report, its database of layers and the files on disk.
func TestInspectLayers(t *testing.T) {
	const name, image = "nsviz-test-layers", "nsviz-test/layers"
	removeContainer(t, name)
	base := busyboxImage
	for i, program := range []string{"vi", "tar"} { // each makes one layer more
		tag := fmt.Sprint(image, ":", i)
		removeContainer(t, name)
		docker(t, "run", "--name", name, base, "sh", "-c", fmt.Sprintf("head -c %d /dev/zero >/file%d; ln /file%d /link%d; rm /bin/%s; :", 1000*(i+1), i, i, i, program))
		docker(t, "commit", name, tag)
		t.Cleanup(func() { _ = exec.Command("docker", "rmi", "-f", tag).Run() })
		base = tag
	}
	docker(t, "rm", "-f", name)
	docker(t, "run", "-d", "--name", name, base, "sleep", "1000")
	var a anatomy.Anatomy
	nsvizJSON(t, &a, "inspect", name, "--sizes", "-o", "json")
	if len(a.Unknown) > 0 || len(a.Root.Layers) != len(a.Root.Lower) {
		t.Fatalf("unknown: %q, %d layers of %d", a.Unknown, len(a.Root.Layers), len(a.Root.Lower))
	}
	want := strings.Fields(docker(t, "image", "inspect", "-f", "{{range .RootFS.Layers}}{{.}} {{end}}", base))
	slices.Reverse(want)
	steps := append(strings.Split(docker(t, "history", "--no-trunc", "--format", "{{.CreatedBy}}", base), "\n"), "") // an import has no such command
	var digests []string
	for i, l := range a.Root.Layers {
		if l.DiffID == "" {
			continue
		}
		if l.CreatedBy != steps[len(digests)] {
			t.Errorf("layer %d is made by %q, docker says %q", i, l.CreatedBy, steps[len(digests)])
		}
		digests = append(digests, l.DiffID)
		path, err := filepath.EvalSymlinks(a.Root.Lower[i])
		if err != nil {
			t.Fatal(err)
		}
		checkLayer(t, path, &l)
	}
	if diff := cmp.Diff(want, digests); diff != "" {
		t.Errorf("layers (-docker +nsviz): %s", diff)
	}
	stdout, _, _ := nsviz(t, "inspect", name, "--sizes")
	if !strings.Contains(stdout, "2.0 KiB in 2 files; 1 name of the layers below deleted; the image's "+want[0][:len("sha256:")+12]+", made by ") {
		t.Errorf("the top layer is not reported:\n%s", stdout)
	}
	if a := inspect(t, name); a.Root.Layers[0].Size != nil {
		t.Error("sizes are counted without being asked for")
	}
}

// checkLayer compares a layer with its files, and with the folder in which the engine keeps the layer of that digest.
func checkLayer(t *testing.T, path string, l *anatomy.Layer) {
	t.Helper()
	out, err := exec.Command("find", path, "-type", "f", "-printf", "%i %s\n").Output()
	if err != nil {
		t.Fatalf("find: %v", err)
	}
	sizes := map[string]uint64{} // by inode
	for line := range strings.Lines(string(out)) {
		var inode string
		var size uint64
		if _, err := fmt.Sscan(line, &inode, &size); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		sizes[inode] = size
	}
	var sum uint64
	for _, size := range sizes {
		sum += size
	}
	if l.Size == nil || l.Size.Bytes != sum || l.Size.Stopped != "" {
		t.Errorf("%s: %+v, find says %d bytes", path, l.Size, sum)
	}
	if docker(t, "info", "-f", "{{.Driver}}") != "overlay2" {
		return // the engine has another kind of database
	}
	kept, err := filepath.Glob(filepath.Join(docker(t, "info", "-f", "{{.DockerRootDir}}"), "image/overlay2/layerdb/sha256/*/diff"))
	if err != nil {
		t.Fatal(err)
	}
	for _, diff := range kept {
		digest, err := os.ReadFile(diff)
		if err != nil || string(digest) != l.DiffID {
			continue
		}
		id, err := os.ReadFile(filepath.Join(filepath.Dir(diff), "cache-id"))
		if err == nil && strings.Contains(path, string(id)) {
			return
		}
	}
	t.Errorf("%s is not where the engine keeps %s", path, l.DiffID)
}
