//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Without a terminal the tour goes on by itself. All that it says is so, and nothing is left of it; docker and the kernel's files agree.
func TestTour(t *testing.T) {
	for _, m := range makers() {
		t.Run(m.name, func(t *testing.T) {
			text := newLines()
			p := start(t, text, slices.Concat([]string{"demo", "isolation", "--no-vm"}, m.args)...)
			text.await(t, "[5/8] The kill")
			if m.runtime == "docker" {
				name := "nsviz-demo-hog"
				if own := fmt.Sprint(name, "-", p.pid()); slices.Contains(demoContainers(t), own) {
					name = own
				}
				if memory := docker(t, "inspect", "--format", "{{.HostConfig.Memory}}", name); memory != "67108864" {
					t.Errorf("docker has a limit of %s", memory)
				}
				pid := docker(t, "inspect", "--format", "{{.State.Pid}}", name)
				text.awaitProse(t, "and PID 1, process "+pid+", lives on")
			}
			p.endsByItself(t)
			if n := strings.Count(text.String(), "\n  checked   "); n != 8 || strings.Contains(text.String(), "NOT SO") || strings.Contains(text.String(), "Enter") {
				t.Errorf("%d of 8 steps are checked:\n%s", n, text)
			}
			text.awaitProse(t, "Can a container load a kernel module?")
			if left := demoLeftovers(t, p.pid()); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// The tour says what it sees if somebody else removes a container, and goes on; it looks at a container of the user, too.
func TestTourWhileSomebodyInterferes(t *testing.T) {
	const mine = "nstesttour"
	removeContainer(t, mine)
	docker(t, "run", "-d", "--name", mine, "--network=none", busyboxImage, "sleep", "1000")
	pid := docker(t, "inspect", "--format", "{{.State.Pid}}", mine)
	text := newLines()
	p := start(t, text, "demo", "isolation", "--no-vm", "--container", mine)
	text.awaitProse(t, "its NSpid is "+pid+" 1")
	text.await(t, "[5/8] The kill")
	hog := "nsviz-demo-hog"
	if own := fmt.Sprint(hog, "-", p.pid()); slices.Contains(demoContainers(t), own) {
		hog = own
	}
	docker(t, "rm", "-f", hog)
	<-p.ended
	if code := p.cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(p.stderr.String(), "were not as the tour says") {
		t.Errorf("exit code %d\n%s", code, p.stderr)
	}
	p.err = nil
	prose := strings.Join(strings.Fields(text.String()), " ")
	if !strings.Contains(prose, "NOT SO") || !strings.Contains(prose, hog+" does not run") || !strings.Contains(prose, "boot ") {
		t.Errorf("%s", text)
	}
	if left := demoLeftovers(t, p.pid()); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := exec.Command("docker", "rm", "-f", mine).Run(); err != nil {
		t.Errorf("the user's container is gone: %v", err)
	}
}
