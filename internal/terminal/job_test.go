package terminal

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// stopOnce stops and returns an exit code that says what came of it. It runs in a process of its own.
func stopOnce() int {
	switch stopped, err := StopJob(); {
	case err != nil:
		return 1
	case stopped:
		return codeStopped
	}
	return codeIgnored
}

const (
	codeStopped = 10 + iota
	codeIgnored
)

// A process stops and goes on where somebody waits for it, and does not hang where nobody does.
func TestStopJob(t *testing.T) {
	t.Run("with a shell", func(t *testing.T) {
		cmd := exec.Command(os.Args[0], roleStop)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var status unix.WaitStatus
		if _, err := unix.Wait4(cmd.Process.Pid, &status, unix.WUNTRACED, nil); err != nil || !status.Stopped() || status.StopSignal() != unix.SIGTSTP {
			t.Fatalf("it is %#x, not stopped: %v", status, err)
		}
		if err := unix.Kill(cmd.Process.Pid, unix.SIGCONT); err != nil {
			t.Fatal(err)
		}
		if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != codeStopped {
			t.Errorf("it ended with %v", cmd.ProcessState)
		}
	})
	t.Run("without one", func(t *testing.T) {
		cmd := exec.Command(os.Args[0], roleStop)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if _ = cmd.Run(); cmd.ProcessState.ExitCode() != codeIgnored {
			t.Errorf("it ended with %v", cmd.ProcessState)
		}
	})
}
