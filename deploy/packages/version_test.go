package main

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Both package managers put the versions into the order in which they were made.
func TestPackageVersions(t *testing.T) {
	var versions []string
	for _, v := range []struct {
		described, want string
		at              int64
	}{
		{"abcdef0", "0.0.0~20260101000000.abcdef0", 1767225600},
		{"0123456-dirty", "0.0.0~20260102000000.0123456.dirty", 1767312000},
		{"v0.1.0-rc.1", "0.1.0~rc.1", 0},
		{"v0.1.0-rc.1-3-g0123456", "0.1.0~rc.1+3.g0123456", 0},
		{"v0.1.0", "0.1.0", 0},
		{"v0.1.0-9-gabcdef0", "0.1.0+9.gabcdef0", 0},
		{"v0.1.0-10-gabcdef0-dirty", "0.1.0+10.gabcdef0+dirty", 0},
		{"0.10.0", "0.10.0", 0},
	} {
		r := release{described: v.described, time: time.Unix(v.at, 0).UTC()}
		got, err := r.packageVersion()
		if err != nil || got != v.want {
			t.Errorf("%s: %q, %v", v.described, got, err)
		}
		versions = append(versions, got)
	}
	for i := range versions[1:] {
		if err := exec.CommandContext(t.Context(), "dpkg", "--compare-versions", versions[i], "lt", versions[i+1]).Run(); err != nil {
			t.Errorf("dpkg: %s is not before %s: %v", versions[i], versions[i+1], err)
		}
		if got := says(t, "rpm", "--eval", `%{lua:print(rpm.vercmp("`+versions[i]+`", "`+versions[i+1]+`"))}`); strings.TrimSpace(got) != "-1" {
			t.Errorf("rpm: %s and %s compare as %s", versions[i], versions[i+1], got)
		}
	}
}

func TestVersionsThatAreRefused(t *testing.T) {
	for described, says := range map[string]string{
		"": "no version is given", "1.2": "must be as git describe has it", "v1.2.3 4": "must be as git describe has it", "../x": "must be as git describe has it",
	} {
		r := release{described: described}
		if got, err := r.packageVersion(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %q, %v", described, got, err)
		}
	}
}
