//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// A container that never started is known with the reason, even if it was made before nsviz ran.
func TestWhyNeverStarted(t *testing.T) {
	fails := func(t *testing.T, args ...string) {
		t.Helper()
		if out, err := exec.Command("docker", args...).CombinedOutput(); err == nil {
			t.Fatalf("docker %v does not fail:\n%s", args, out)
		}
	}
	const early = "nsviz-test-unstarted-early"
	removeContainer(t, early)
	fails(t, "run", "--name", early, busyboxImage, "no-such-program")
	address := startServe(t)
	for _, c := range []struct {
		name  string
		act   func(t *testing.T, name string)
		tried bool
		code  int32
		want  string
	}{
		{"program", func(t *testing.T, name string) { fails(t, "run", "--name", name, busyboxImage, "no-such-program") }, true, 127, "no-such-program"},
		{"directory", func(t *testing.T, name string) { fails(t, "run", "-d", "--name", name, busyboxImage, "/bin") }, true, 126, "permission denied"},
		{"device", func(t *testing.T, name string) {
			fails(t, "run", "--name", name, "--device", "/dev/no-such-device", busyboxImage, "true")
		}, false, 128, "no-such-device"},
		{"create", func(t *testing.T, name string) { docker(t, "create", "--name", name, busyboxImage, "true") }, false, 0, "nothing has started it"},
		{"early", func(*testing.T, string) {}, false, 127, "no-such-program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := "nsviz-test-unstarted-" + c.name
			if name != early {
				removeContainer(t, name)
			}
			c.act(t, name)
			var a report.ContainerAnswer
			eventually(t, func() bool {
				var known bool
				a, known = why(t, address, name)
				return known && a.NeverStarted != nil && (c.code == 0 || a.NeverStarted.Error != "")
			}, func() string { return fmt.Sprintf("%s: %+v", name, a) })
			n := a.NeverStarted
			if a.State != model.Created || !strings.Contains(a.Sentence, c.want) || n.Made.IsZero() || !n.Tried.IsZero() != c.tried {
				t.Errorf("state %s, %+v\n%s", a.State, n, a.Sentence)
			}
			if said := docker(t, "inspect", "-f", "{{.State.Error}}", name); said != n.Error || (n.ExitCode == nil) != (c.code == 0) {
				t.Errorf("the reason is %q, docker says %q", n.Error, said)
			} else if n.ExitCode != nil && *n.ExitCode != c.code {
				t.Errorf("exit code %d, want %d", *n.ExitCode, c.code)
			}
		})
	}
	// It is not among the containers that run or ran.
	var list []psEntry
	nsvizJSON(t, &list, "ps", "-o", "json")
	for _, c := range list {
		if strings.HasPrefix(c.Name, "nsviz-test-unstarted-") {
			t.Errorf("ps lists %s", c.Name)
		}
	}
}

// A start that fails after a run is reported, and does not hide how that run ended.
func TestWhyNotStartedAgain(t *testing.T) {
	const name = "nsviz-test-not-again"
	removeContainer(t, name)
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	address := startServe(t)
	if out, err := exec.Command("docker", "run", "--name", name, "-v", dir+":/x", busyboxImage, "/x/script").CombinedOutput(); err == nil {
		t.Fatalf("the script ends with 0: %s", out)
	}
	if first := whyEnded(t, address, name); first.End.Exit.Code == nil || *first.End.Exit.Code != 3 {
		t.Fatalf("its run ended: %+v", first.End)
	}
	if err := os.Remove(script); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("docker", "start", name).CombinedOutput(); err == nil {
		t.Fatalf("it starts without its program: %s", out)
	}
	var a report.ContainerAnswer
	eventually(t, func() bool {
		a, _ = why(t, address, name)
		return a.End != nil && a.End.Engine != nil && a.End.Engine.StartError != ""
	}, func() string { return fmt.Sprintf("%+v", a) })
	if a.Previous == nil || a.Previous.Exit == nil || *a.Previous.Exit.Code != 3 ||
		!strings.Contains(a.Sentence, "not started again") || !strings.Contains(a.Sentence, "ended by itself with exit code 3") {
		t.Errorf("%s\n%+v, before %+v", a.Sentence, a.End, a.Previous)
	}
}
