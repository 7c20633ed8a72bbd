package server

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Every command of docs/API.md by which curl asks works as it stands there, at another address.
func TestCommandsOfTheDocs(t *testing.T) {
	data, err := os.ReadFile("../../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	h := newHost()
	base := start(t, h.config(), 1)[0].Addr().String()
	ran := 0
	for i, block := range strings.Split(string(data), "\n```sh\n") {
		if i == 0 {
			continue
		}
		block, _, _ = strings.Cut(block, "\n```")
		for command := range strings.Lines(block) {
			if !strings.Contains(command, "curl ") {
				continue // nsviz asks another host, which test/e2e has
			}
			command = strings.Replace(command, "curl -s", "curl -fs", 1)
			command = strings.ReplaceAll(command, DefaultAddress, base)
			out, err := exec.CommandContext(t.Context(), "bash", "-c", "set -o pipefail\n"+command).CombinedOutput()
			exit := (*exec.ExitError)(nil)
			endless := strings.Contains(command, "follow=true") && errors.As(err, &exit) && exit.ExitCode() == timedOut && strings.Contains(string(out), `"type":`)
			if err != nil && !endless {
				t.Errorf("%s: %v\n%s", command, err, out)
			}
			ran++
		}
	}
	if ran < 8 {
		t.Errorf("only %d commands", ran)
	}
}

// timedOut is curl's exit code after the time of -m.
const timedOut = 28
