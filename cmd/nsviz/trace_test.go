package main

import (
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
