//go:build root

package procfs

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// sightVariable makes the test binary report how much it sees, in a process of its own.
const sightVariable = "NSVIZ_TEST_SIGHT"

// TestRootSight: with the right to look into others' processes nsviz sees them all. Without it nsviz reports how many it does not
// see, or that there are some. What cannot be read is distinguished from what does not exist.
func TestRootSight(t *testing.T) {
	switch options := os.Getenv(sightVariable); options {
	case "":
	case "here":
		s, err := New(pseudofs.DefaultProc).Sight()
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stdout.WriteString("\nsight " + string(line) + "\n"); err != nil {
			t.Fatal(err)
		}
		return
	default:
		// Root mounts it for itself, and another user looks at it.
		options, traces := strings.CutSuffix(options, "+ptrace")
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("proc", "/proc", "proc", 0, options); err != nil {
			t.Fatal(err)
		}
		cmd := sightCommand("here")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if traces {
			cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SYS_PTRACE}
		}
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		return
	}
	// A process that is open only to those with the right to look into others' processes.
	hosttest.Start(t, nil, "cat")
	for options, want := range map[string]struct{ traces, hidden, refused bool }{
		"hidepid=0":        {false, false, true},
		"hidepid=1":        {false, false, true},
		"hidepid=2":        {false, true, false},
		"hidepid=0+ptrace": {true, false, false},
		"hidepid=1+ptrace": {true, false, false},
		"hidepid=2+ptrace": {true, false, false},
	} {
		t.Run(options, func(t *testing.T) {
			cmd := sightCommand(options)
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			_, line, _ := strings.Cut(string(out), "\nsight ")
			line, _, _ = strings.Cut(line, "\n")
			var s Sight
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
			// With the right, only processes of a security module or with more rights are refused: hardly any.
			many := s.Refused > 1
			if s.MayOpenByID || s.MayTrace != want.traces || s.Hidden != want.hidden || many != want.refused || s.Processes == 0 {
				t.Errorf("%+v, want %+v", s, want)
			}
		})
	}
}

func sightCommand(options string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestRootSight$")
	cmd.Env = append(os.Environ(), sightVariable+"="+options)
	return cmd
}
