package main

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/isolation"
)

func TestFindContainer(t *testing.T) {
	s := &isolation.Snapshot{Containers: []isolation.Container{
		{ID: "42aa", Label: "web", State: isolation.Running, InitPID: 4000, CgroupPath: "/docker/42aa"},
		{ID: "42bb", Label: "db", State: isolation.Running, InitPID: 42, CgroupPath: "/docker/42bb"},
		{ID: "77cc", Label: "9", State: isolation.Running, InitPID: 7, CgroupPath: "/docker/77cc"},
		{ID: "88dd", Label: "x\x1b", State: isolation.Running, InitPID: 8, CgroupPath: "/docker/88dd"},
		{ID: "88ee", Label: "y", State: isolation.Running, CgroupPath: "/docker/88ee"},
	}}
	cgroups := map[int32]string{4000: "/docker/42aa", 4001: "/docker/42aa/below", 7: "/docker/77cc", 9: "/docker/42aa", 42: "/docker/42bb", 100: "/docker/42aaa", 1: "/"}
	cgroupOf := func(pid int32) (string, error) {
		if path, ok := cgroups[pid]; ok {
			return path, nil
		}
		return "", fs.ErrNotExist
	}
	for name, want := range map[string]string{
		"web": "42aa", "/web": "42aa", "42bb": "42bb", "42a": "42aa", // by name and id
		"4000": "42aa", "4001": "42aa", "7": "77cc", // by PID; 7 begins its own id, too
		"9": "77cc", // a name goes before a PID
	} {
		if c, err := findContainer(s, name, cgroupOf); err != nil || c.ID != want {
			t.Errorf("%s: %+v, %v, want %s", name, c, err, want)
		}
	}
	for name, says := range map[string]string{
		"nope": "nothing is known of a container", "": "nothing is known", "5000": "nothing is known", "1": "process 1 is in no container",
		"100": "process 100 is in no container", "-7": "nothing is known", "99999999999": "nothing is known",
		"42": "42 is a process of 42bb (db), and ids of other containers begin so", "88": `88dd (x\x1b), 88ee (y)`,
	} {
		c, err := findContainer(s, name, cgroupOf)
		if c != nil || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v, want %q", name, c, err, says)
		}
	}
}

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
