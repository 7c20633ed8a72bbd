package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What cannot be done is said before the command would be run.
func TestTraceRefuses(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"trace"}, exitUsage, "wants a COMMAND to run"},
		{[]string{"trace", "-o", "yaml", "true"}, exitUsage, "text or json"},
		{[]string{"trace", "--report", "", "true"}, exitUsage, "want a file"},
		{[]string{"trace", "--", "nsviz-test-no-such-command"}, exitNoCommand, "nsviz-test-no-such-command"},
		{[]string{"trace", "/"}, exitCannotRun, "/"},
		{[]string{"trace", "--report", filepath.Join(t.TempDir(), "none", "report"), "true"}, exitFailed, "no such file"},
		{[]string{"trace", "--proc-root", "/nonexistent", "false"}, exitFailed, "/nonexistent"},
	} {
		var out, stderr strings.Builder
		if code := run(t.Context(), tt.args, &out, &stderr); code != tt.code || !strings.Contains(stderr.String(), tt.want) || out.Len() > 0 {
			t.Errorf("%v: exit code %d, want %d, %q, %q", tt.args, code, tt.code, &out, &stderr)
		}
	}
}

// A signal that comes after nsviz has attached and before it takes over the signals is not lost: the command is not run.
func TestTraceSignalledBeforeTheCommand(t *testing.T) {
	const child = "NSVIZ_TEST_SIGNALLED"
	if made := os.Getenv(child); made != "" { // in a process of its own, since the signals stay taken over
		run, err := newTraced([]string{"touch", made})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := run.run(ctx); !errors.Is(err, errSignalled) {
			t.Errorf("%v", err)
		}
		return
	}
	made := filepath.Join(t.TempDir(), "made")
	cmd := exec.Command(os.Args[0], "-test.run=^TestTraceSignalledBeforeTheCommand$")
	cmd.Env = append(os.Environ(), child+"="+made)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(made); err == nil {
		t.Error("the command was run")
	}
}
