//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/report"
)

// traced runs a command under nsviz trace, and returns its output, the report and the exit code.
func traced(t *testing.T, command ...string) (stdout string, trace report.Trace, code int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report")
	stdout, stderr, code := nsviz(t, slices.Concat([]string{"trace", "-o", "json", "--report", file, "--"}, command)...)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	if err := json.Unmarshal(content, &trace); err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	if trace.ExitCode != code {
		t.Errorf("the report has exit code %d, nsviz %d", trace.ExitCode, code)
	}
	if trace.Unfollowed != "" || trace.Lost > 0 || trace.LeftOut > 0 {
		t.Errorf("incomplete: %q, %d lost, %d left out", trace.Unfollowed, trace.Lost, trace.LeftOut)
	}
	return stdout, trace, code
}

// An OOM kill inside a container of docker run: the exit code is passed on, and the report agrees with docker inspect.
func TestTraceDockerRun(t *testing.T) {
	const name = "nstesttrace"
	removeContainer(t, name)
	t.Cleanup(func() { removeContainer(t, name) })
	_, trace, code := traced(t, "docker", "run", "--name", name, "--network=none", "--memory=16m", "--memory-swap=16m", busyboxImage, "tail", "/dev/zero")
	if code != 137 {
		t.Errorf("exit code %d, want 137", code)
	}
	i := slices.IndexFunc(trace.Workloads, func(w report.TracedWorkload) bool { return w.Container.Name == name })
	if i < 0 {
		t.Fatalf("no %s in %+v", name, trace.Workloads)
	}
	w := trace.Workloads[i]
	if id := docker(t, "inspect", "--format", "{{.Id}}", name); w.Container.ID != id || w.Attributed != report.ByTime {
		t.Errorf("container %s by %s, docker has %s", w.Container.ID, w.Attributed, id)
	}
	if killed := docker(t, "inspect", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}}", name); killed != "true 137" {
		t.Fatalf("docker says %s", killed)
	}
	if w.End == nil || w.End.Exit.Cause != event.CauseOOMKill || w.End.Engine == nil || len(w.Start.Phases) < 5 {
		t.Errorf("end %+v, start %+v", w.End, w.Start)
	}
	if len(trace.Kills) != 1 || trace.Kills[0].OOM.Victim.PID != w.PID || *trace.Kills[0].OOM.LimitBytes != 16<<20 {
		t.Errorf("kills: %+v", trace.Kills)
	}
	for _, typ := range []event.NamespaceType{event.Mnt, event.PID, event.Net, event.IPC, event.UTS} {
		if !slices.ContainsFunc(trace.Namespaces, func(e report.TracedEvent) bool {
			return e.Namespace.Type == typ && e.Namespace.ID == w.Start.Namespaces[typ]
		}) {
			t.Errorf("nobody made its %s namespace %d: %+v", typ, w.Start.Namespaces[typ], trace.Namespaces)
		}
	}
	if len(trace.Cgroups) == 0 {
		t.Error("no cgroup was made")
	}
}

// Namespaces belong to the command if a descendant of any depth makes them. Their numbers are those that the process itself sees.
func TestTraceUnshare(t *testing.T) {
	other := startEvents(t) // nobody minds another nsviz
	defer other.stop(t)
	stdout, trace, code := traced(t, "sh", "-c", "(unshare -Urn readlink /proc/self/ns/net); exit 7")
	if code != 7 {
		t.Errorf("exit code %d, want 7", code)
	}
	made := map[string]bool{}
	for _, e := range trace.Namespaces {
		if e.Attributed != report.ByDescent {
			t.Errorf("by %s: %+v", e.Attributed, e.Event)
		}
		made[fmt.Sprintf("%s:[%d]", e.Namespace.Type, e.Namespace.ID)] = true
	}
	if len(made) != 2 || !made[strings.TrimSpace(stdout)] {
		t.Errorf("made %v, the process saw %s", made, stdout)
	}
	if text, stderr, code := nsviz(t, "trace", "true"); code != 0 || text != "" || !strings.Contains(stderr, "It isolated nothing") {
		t.Errorf("exit code %d, %q\n%s", code, text, stderr)
	}
}

// A virtual machine that lives for two seconds is found.
func TestTraceVM(t *testing.T) {
	_, trace, code := traced(t, slices.Concat([]string{"timeout", "2", qemuPath(t)}, stoppedVM("-m", "64"))...)
	if code != 124 || len(trace.VMs) != 1 || trace.VMs[0].Monitor != "qemu" || trace.VMs[0].Attributed != report.ByDescent {
		t.Errorf("exit code %d, machines %+v", code, trace.VMs)
	}
}

// The exit codes of commands that cannot be run are those of shells. What the command writes and reads is its own.
func TestTraceIsTransparent(t *testing.T) {
	for _, c := range []struct {
		command []string
		code    int
	}{{[]string{"nstest-no-such-command"}, 127}, {[]string{"/etc/passwd"}, 126}, {[]string{"/nonexistent"}, 127}} {
		stdout, stderr, code := nsviz(t, append([]string{"trace", "--"}, c.command...)...)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.command[0]) {
			t.Errorf("%v: exit code %d, want %d, %q\n%s", c.command, code, c.code, stdout, stderr)
		}
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	if _, err := write.WriteString("hello\n"); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	cmd := exec.Command(binary(), "trace", "--", "sh", "-c", `grep SigIgn /proc/self/status; cat; kill -TERM $$`)
	cmd.Stdin = read
	stdout, stderr, code := outcome(t, cmd)
	if code != 128+15 || !strings.Contains(stderr, "It was ended by signal 15 (SIGTERM)") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	// nsviz itself ignores SIGPIPE, the thirteenth.
	if lines := strings.Split(stdout, "\n"); len(lines) != 3 || lines[1] != "hello" || strings.HasSuffix(lines[0], "1000") {
		t.Errorf("%q", stdout)
	}
}

// SIGTERM reaches the command, which may do with it what it likes, and the report comes.
func TestTraceSignals(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		text := newLines()
		cmd := exec.Command(binary(), "trace", "--", "sh", "-c", `trap "echo got it; exit 5" TERM INT; echo ready; while :; do sleep 0.05; done`)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // else it may have a terminal
		p := startBy(t, text, cmd)
		text.await(t, "ready")
		if err := p.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		if code := p.cmd.ProcessState.ExitCode(); code != 5 || !strings.Contains(text.String(), "got it") {
			t.Errorf("%v: exit code %d\n%s%s", signal, code, text, p.stderr)
		}
		p.err = nil
		p.stderr.await(t, "It ended with exit code 5")
	}
}

// Ctrl-C on the terminal reaches the command once, Ctrl-Z stops it and nsviz, and the report comes below.
func TestTraceOnATerminal(t *testing.T) {
	term := tmux(t, 100, 30, nil, "bash", "-i")
	count := `n=0; trap 'n=$((n+1)); [ $n = 2 ] && exit 9; echo caught $n' INT; trap 'echo resu''med' CONT; echo re''ady; while :; do sleep 0.05; done`
	term.run(t, "send-keys", "-l", fmt.Sprintf("%s trace -- sh -c %s", binary(), shellQuoted(count)))
	term.keys(t, "Enter")
	term.await(t, contains("\nready"))
	term.keys(t, "C-c")
	term.await(t, contains("caught 1"))
	term.keys(t, "C-z")
	term.await(t, contains("Stopped"))
	term.keys(t, "f", "g", "Enter")
	term.await(t, contains("\nresumed"))
	term.keys(t, "C-c")
	screen := term.await(t, contains("It ended with exit code 9"))
	term.run(t, "send-keys", "-l", "echo code: $?")
	term.keys(t, "Enter")
	term.await(t, contains("\ncode: 9"))
	if strings.Contains(screen, "caught 2") {
		t.Errorf("one Ctrl-C came twice:\n%s", screen)
	}
}

func shellQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
