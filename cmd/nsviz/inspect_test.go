package main

import (
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/report"
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

// What is not found is not known not to be there, if nsviz may not look into all processes.
func TestNotFoundWithoutRights(t *testing.T) {
	missing := &report.NotFoundError{Name: "web"}
	for _, test := range []struct {
		err    error
		unseen *fact.Unseen
		want   int
	}{
		{missing, &fact.Unseen{Untraced: true, Processes: 9}, exitNotSupported}, {missing, &fact.Unseen{Hidden: true}, exitNotSupported},
		{missing, &fact.Unseen{Processes: 2}, exitFailed}, {missing, nil, exitFailed},
		{&report.AmbiguousError{Name: "web"}, &fact.Unseen{Hidden: true}, exitFailed},
	} {
		err := unseen(test.err, test.unseen)
		if got := exitCode(err); got != test.want || (got == exitNotSupported) != strings.Contains(err.Error(), "run it as root") {
			t.Errorf("%v: exit code %d, want %d", err, got, test.want)
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
