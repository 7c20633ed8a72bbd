//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A real gVisor sandbox, which traces its processes if there is no KVM: its kernel is one process of the host, and the programs
// on it are not visible.
func TestGVisor(t *testing.T) {
	runsc, err := exec.LookPath("runsc")
	if err != nil {
		t.Fatalf("%v; test/setup installs it", err)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	id := fmt.Sprint("nsviz-test-gvisor-", os.Getpid())
	sandbox := func(args ...string) *exec.Cmd {
		cmd := exec.Command(runsc, append([]string{"--root", dir + "/state", "--platform=ptrace", "--network=none", "--ignore-cgroups"}, args...)...)
		cmd.Dir = dir
		return cmd
	}
	if err := os.MkdirAll(dir+"/root/bin", 0o755); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/root/bin/busybox", program, 0o755); err != nil {
		t.Fatal(err)
	}
	spec := map[string]any{
		"ociVersion": "1.0.0", "hostname": "inside",
		"process": map[string]any{"args": []string{"/bin/busybox", "sleep", "1000"}, "cwd": "/", "user": map[string]any{"uid": 0, "gid": 0}},
		"root":    map[string]any{"path": "root", "readonly": true},
		"mounts":  []any{map[string]any{"destination": "/proc", "type": "proc", "source": "proc"}},
		"linux":   map[string]any{"namespaces": []any{map[string]any{"type": "pid"}, map[string]any{"type": "network"}, map[string]any{"type": "mount"}}},
	}
	config, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/config.json", config, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = sandbox("kill", id, "KILL").Run()
		_ = sandbox("delete", "-force", id).Run()
	})
	started := sandbox("run", "-detach", id) // no pipe, since its children keep the output open
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	started.Stdout, started.Stderr = log, log
	if err := started.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("%v\n%s", err, text)
	}

	// gVisor's own report of its state.
	var state struct {
		PID    int32
		Status string
	}
	out, err := sandbox("state", id).Output()
	if err == nil {
		err = json.Unmarshal(out, &state)
	}
	if err != nil || state.Status != "running" {
		t.Fatalf("%v\n%s", err, out)
	}
	version, err := sandbox("exec", id, "/bin/busybox", "cat", "/proc/version").Output()
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile("/proc/version")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(version, own) || !bytes.HasPrefix(version, []byte("Linux version ")) {
		t.Errorf("inside is the kernel %q", version)
	}

	found := vms(t)
	e, ok := found[state.PID]
	if !ok {
		t.Fatalf("ps lists no PID %d: %+v", state.PID, found)
	}
	if e.Runtime != "gvisor" || e.Memory.UsageBytes == nil || e.VM.MemoryBytes != nil {
		t.Errorf("%+v", e)
	}
	stdout, _, code := nsviz(t, "ps")
	says := contains("its kernel is this process", "nothing inside is visible from the host")
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, "gvisor (VM) ") && strings.Contains(line, fmt.Sprint(" ", state.PID, " ")) {
			if code != 0 || !says(line) {
				t.Errorf("exit code %d: %s", code, line)
			}
			stdout = ""
		}
	}
	if stdout != "" {
		t.Errorf("ps has no line for it:\n%s", stdout)
	}
	if out, err := sandbox("kill", id, "KILL").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	eventually(t, func() bool { _, there := vms(t)[state.PID]; return !there }, func() string { return "it is still listed" })
}
