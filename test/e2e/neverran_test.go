//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// makeLimited makes a cgroup with a memory limit at the top of the hierarchy with the memory controller, as a parent of
// containers. It returns its value for --cgroup-parent, and its folder.
func makeLimited(t *testing.T, name string, bytes int) (parent string) {
	t.Helper()
	if driver := docker(t, "info", "--format", "{{.CgroupDriver}}"); driver == "systemd" {
		slice := strings.ReplaceAll(name, "-", "") + ".slice"
		systemctl := func(args ...string) {
			if out, err := exec.Command("systemctl", args...).CombinedOutput(); err != nil {
				t.Errorf("systemctl %v: %v\n%s", args, err, out)
			}
		}
		systemctl("start", slice)
		t.Cleanup(func() { systemctl("stop", slice) })
		systemctl("set-property", "--runtime", slice, fmt.Sprintf("MemoryMax=%d", bytes))
		return slice
	}
	t.Cleanup(func() { removeCgroups(t, name) }) // the engine makes it in the other hierarchies
	dir, file := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	if _, err := os.Stat(dir); err != nil {
		dir, file = "/sys/fs/cgroup", "memory.max"
	}
	dir = filepath.Join(dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), fmt.Append(nil, bytes), 0); err != nil {
		t.Fatal(err)
	}
	return "/" + name
}

// With a limit that is too low for the runtime's own init, the container never runs its program. nsviz reports the reason.
func TestStartThatIsKilled(t *testing.T) {
	const name = "nsviz-test-never-ran"
	parent := makeLimited(t, "nsviz-test-tiny", 3<<20)
	address := freeAddress(t)
	dashboard := tmux(t, 140, 40, nil, binary(), "--web.listen-address", address)
	dashboard.await(t, contains("● live", "metrics on"))
	dashboard.find(t, name)
	events := startEvents(t)
	recording := filepath.Join(t.TempDir(), "recording")
	recorder := start(t, io.Discard, "record", recording)
	recorder.stderr.await(t, "recording")

	removeContainer(t, name)
	if out, err := exec.Command("docker", "run", "-d", "--name", name, "--cgroup-parent="+parent, busyboxImage, "sleep", "1000").CombinedOutput(); err == nil {
		t.Fatalf("it has started: %s", out)
	}
	kill := events.await(t, 1, of(event.OOMKill, name))[0]
	if v := kill.OOM.Victim; !v.Starting || v.Init || kill.OOM.LimitBytes == nil || *kill.OOM.LimitBytes != 3<<20 || !strings.HasPrefix(v.Comm, "runc") && v.Comm != "exe" {
		t.Errorf("killed %+v by limit %v", v, kill.OOM.LimitBytes)
	}
	var answer report.ContainerAnswer
	eventually(t, func() bool {
		answer, _ = why(t, address, name)
		return answer.End != nil
	}, func() string { return fmt.Sprintf("%+v", answer) })
	if started := events.all(of(event.ContainerStarted, name)); len(started) > 0 {
		t.Errorf("its program is said to have started: %+v", started)
	}
	awaitRecorded(t, recording, name, "the end", func(a *report.ContainerAnswer) bool { return a.End != nil })
	recorder.stop(t)
	var recorded report.ContainerAnswer
	nsvizJSON(t, &recorded, "why", name, "-o", "json", "--recording", recording)

	says := name + " never ran its program: its start was OOM-killed, limit of " + kill.OOM.Cgroup + " 3 MiB."
	for from, a := range map[string]report.ContainerAnswer{"live": answer, "recorded": recorded} {
		t.Log(from, a.Sentence)
		if !strings.HasPrefix(a.Sentence, says) || !a.Started.IsZero() {
			t.Errorf("%s: started %v, it says: %s\nwant %s", from, a.Started, a.Sentence, says)
		}
		end := a.End
		if end == nil || !end.NeverRan || end.Exit == nil || end.Exit.Cause != event.CauseOOMKill || end.Kill == nil || end.Kill.PID != kill.PID {
			t.Errorf("%s: it ended by %+v", from, end)
		}
		reported := false
		for _, m := range a.History {
			reported = reported || m.Kind == model.EntryNeverRan && m.OOM != nil && m.OOM.Victim.PID == kill.PID
		}
		if !reported {
			t.Errorf("%s: its history has nothing of that: %+v", from, a.History)
		}
	}
	dashboard.await(t, contains("OOM-killed before its own program ran"))
}
