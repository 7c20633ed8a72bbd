//go:build e2e

package e2e

import (
	"os/exec"
	"testing"
)

// For an ordinary user, doctor counts what that user may see, and gives no count of the rest.
func TestDoctorOfOrdinaryUser(t *testing.T) {
	const name = "nsviz-test-counted"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, busyboxImage, "sleep", "1000")
	_, open := openDir(t)
	command := asNobody(open, "doctor")
	stdout, stderr, code := outcome(t, exec.Command(command[0], command[1:]...))
	if code != notSupported || sentence(t, stderr) == "" {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	counted := match(`(?m)^containers +([1-9]\d*) running$`)
	if !counted(stdout) || !match(`(?m)^docker +failing: no permission`)(stdout) && !match(`(?m)^docker +connected`)(stdout) {
		t.Errorf("on stdout:\n%s", stdout)
	}
}
