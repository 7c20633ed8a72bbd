package main

import (
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/anatomy"
)

func TestFailing(t *testing.T) {
	findings := []anatomy.Finding{{Severity: anatomy.High}, {Severity: anatomy.Low}, {Severity: anatomy.Low}}
	for threshold, want := range map[anatomy.Severity]string{
		anatomy.Critical: "", anatomy.High: "1 finding is high or worse", anatomy.Low: "3 findings are low or worse", anatomy.Info: "3 findings are info or worse",
	} {
		err := failing(findings, threshold)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", threshold, err, want)
		}
		if err != nil && exitCode(err) != exitFailed {
			t.Errorf("%s: exit code %d", threshold, exitCode(err))
		}
	}
}

func TestInspectUsage(t *testing.T) {
	for _, args := range [][]string{{"inspect"}, {"inspect", "a", "b"}, {"inspect", "a", "-o", "yaml"}, {"inspect", "a", "--fail-on", "bad"}, {"inspect", "a", "--fail"}} {
		var out, stderr strings.Builder
		if code := run(t.Context(), args, &out, &stderr); code != exitUsage || out.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%v: exit code %d\n%s%s", args, code, &out, &stderr)
		}
	}
}
