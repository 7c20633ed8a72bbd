package resources

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
)

func TestMemory(t *testing.T) {
	is := func(n uint64) *uint64 { return &n }
	for _, test := range []struct {
		host, path string
		want       Memory
	}{
		{"v1", "/", Memory{UsageBytes: is(201326592), Unlimited: true, OOMKills: is(0), UnderOOM: new(false), OOMKillOff: new(false)}},
		{"v1", "/docker/f1:odd", Memory{UsageBytes: is(67108864), LimitBytes: is(67108864), OOMKills: is(81), UnderOOM: new(true), OOMKillOff: new(false)}},
		{"v1", "/docker", Memory{}},
		{"v1", "/docker/old", Memory{UsageBytes: is(4096), Unlimited: true, UnderOOM: new(false), OOMKillOff: new(false)}}, // 64 KiB pages, no oom_kill
		{"v2", "/", Memory{}},
		{"v2", "/init.scope", Memory{UsageBytes: is(9437184), Unlimited: true, OOMKills: is(0)}},
		{"v2", hosttest.DockerScope, Memory{UsageBytes: is(67104768), LimitBytes: is(67108864), OOMKills: is(144)}},
		{"hybrid", "/docker/a1", Memory{UsageBytes: is(1048576), LimitBytes: is(67108864), OOMKills: is(3), UnderOOM: new(false), OOMKillOff: new(false)}},
	} {
		layout := hostLayout(t, test.host)
		got, err := In(layout).Memory(test.path)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s %s: %v %s", test.host, test.path, err, diff)
		}
		if _, err := In(layout).Memory("/docker/gone"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s, gone: %v", test.host, err)
		}
	}
}

func TestMemoryOfNonsense(t *testing.T) {
	for host, files := range map[string]map[string]string{
		"v2": {"memory.current": "-1\n", "memory.max": "much\n", "memory.events": "oom 1\noom_kill x\n"},
		"v1": {"memory.usage_in_bytes": "", "memory.limit_in_bytes": "18446744073709551616\n", "memory.oom_control": "oom_kill \n"},
	} {
		for name, text := range files {
			layout := hostLayout(t, host)
			path := map[string]string{"v1": "/docker/f1:odd", "v2": hosttest.DockerScope}[host]
			hosttest.WriteFile(t, filepath.Join(layout.Dir, path, name), text)
			got, err := In(layout).Memory(path)
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
			known := 0
			for _, fact := range []*uint64{got.UsageBytes, got.LimitBytes, got.OOMKills} {
				if fact != nil {
					known++
				}
			}
			if known != 2 || got.Unlimited { // the other two are still reported
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

// The cgroups above show whose limit it is: all below a cgroup at its limit are under OOM.
func TestStuckAt(t *testing.T) {
	type control struct{ under, off int }
	for _, test := range []struct {
		name        string
		docker, web control
		of          string
	}{
		{name: "nothing is wrong"},
		{name: "the OOM killer is at work", web: control{1, 0}},
		{name: "off, and not at its limit", web: control{0, 1}},
		{name: "stuck", web: control{1, 1}, of: "/docker/web"},
		{name: "stuck at the limit above", docker: control{1, 1}, web: control{1, 0}, of: "/docker"},
		{name: "stuck at the limit above, and made there", docker: control{1, 1}, web: control{1, 1}, of: "/docker"},
		{name: "stuck while the OOM killer is at work above", docker: control{1, 0}, web: control{1, 1}, of: "/docker/web"},
	} {
		dir := t.TempDir()
		layout := cgroupfs.Layout{Version: cgroupfs.V1, Controller: "memory", Dir: dir, Root: "/", Whole: true, HasMemory: true}
		for path, c := range map[string]control{"/": {}, "/docker": test.docker, "/docker/web": test.web} {
			hosttest.WriteFile(t, dir+path+"/memory.usage_in_bytes", "1\n")
			hosttest.WriteFile(t, dir+path+"/memory.oom_control", fmt.Sprintf("oom_kill_disable %d\nunder_oom %d\noom_kill 0\n", c.off, c.under))
		}
		m, err := In(layout).Memory("/docker/web")
		if err != nil {
			t.Fatal(err)
		}
		if got := In(layout).StuckAt("/docker/web", &m); got == nil || *got != test.of {
			t.Errorf("%s: %v, want %q", test.name, got, test.of)
		}
	}
	layout := hostLayout(t, "v2")
	m, err := In(layout).Memory(hosttest.DockerScope)
	if got := In(layout).StuckAt(hosttest.DockerScope, &m); got != nil || err != nil {
		t.Errorf("on v2: %q, %v", *got, err)
	}
}

func TestParseOOMKills(t *testing.T) {
	for text, want := range map[string]uint64{
		"oom_kill 7\n": 7, "low 0\noom 9\noom_kill 7\noom_group_kill 2\n": 7, "oom_kill_disable 1\noom_kill 7": 7,
	} {
		if got, err := parseOOMKills(text); err != nil || got == nil || *got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "oom 4\n", "oom_kill_disable 1\n", "oom_group_kill 3\n"} {
		if got, err := parseOOMKills(text); got != nil || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestMemoryStaysInTheHierarchy(t *testing.T) {
	layout := hostLayout(t, "v2")
	for _, path := range []string{"/../proc", "/init.scope/../../proc", "/..", "init.scope", "", "/a\x00b", "//etc"} {
		if _, err := In(layout).Memory(path); err == nil {
			t.Errorf("memory of %q", path)
		}
	}
}
