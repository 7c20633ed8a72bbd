//go:build e2e && systemd

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/story"
)

// oomdPatience limits the wait for systemd-oomd, which uses averages over ten seconds.
const oomdPatience = 3 * time.Minute

// TestSystemdOomd has the real systemd-oomd end a container. That needs a host with systemd as PID 1, cgroup v2 and pressure
// stall information (psi=1), so it has a build tag of its own.
//
// The container is in a slice that is throttled above 64 MiB (MemoryHigh, which kills nothing), and reads a larger file again
// and again. That makes pressure, and also the reclaim without which systemd-oomd does not act.
func TestSystemdOomd(t *testing.T) {
	const name, slice = "nsviz-test-oomd", "nsvizoomd.slice"
	if _, err := os.Stat("/proc/pressure/memory"); err != nil {
		t.Fatalf("no pressure stall information, boot with psi=1: %v", err)
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		t.Fatalf("systemd does not run here: %v", err)
	}
	install(t, "/run/systemd/system/"+slice, `[Slice]
MemoryHigh=64M
ManagedOOMMemoryPressure=kill
ManagedOOMMemoryPressureLimit=1%
`)
	install(t, "/run/systemd/oomd.conf.d/nsviz-test.conf", `[OOM]
DefaultMemoryPressureDurationSec=2s
`)
	systemctl(t, "daemon-reload")
	systemctl(t, "restart", "systemd-oomd.service")
	systemctl(t, "start", slice)
	t.Cleanup(func() { systemctl(t, "stop", slice) })

	address := startServe(t)
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--cgroup-parent="+slice, busyboxImage, "sh", "-c",
		"dd if=/dev/zero of=/big bs=1M count=160 2>/dev/null; for i in 1 2 3; do while :; do cat /big >/dev/null; done & done; wait")

	ended := make(chan error, 1)
	go func() { ended <- exec.Command("docker", "wait", name).Run() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(oomdPatience):
		pressure, _ := os.ReadFile("/sys/fs/cgroup/" + slice + "/memory.pressure")
		state, _ := exec.Command("oomctl").CombinedOutput()
		t.Fatalf("systemd-oomd does nothing; the pressure is\n%s\n%s", pressure, state)
	}
	answer := whyEnded(t, address, name)
	t.Log(answer.Sentence)
	x := answer.End.Exit
	if x.Cause != event.CauseSignal || x.By == nil || x.By.Comm != "systemd-oomd" || answer.End.Sender != story.SenderSystemdOOMD {
		t.Errorf("%+v by %+v, %q", x, x.By, answer.End.Sender)
	}
	if answer.OOMKills == nil || *answer.OOMKills != 0 {
		t.Errorf("%v OOM kills", answer.OOMKills)
	}
	if !contains(name + " was ended by systemd-oomd")(answer.Sentence) {
		t.Errorf("it says: %s", answer.Sentence)
	}
}

// install writes a configuration file of systemd's until the end of the test.
func install(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
		systemctl(t, "daemon-reload")
	})
}

func systemctl(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("systemctl", args...).CombinedOutput(); err != nil {
		t.Errorf("systemctl %v: %v\n%s", args, err, out)
	}
}
