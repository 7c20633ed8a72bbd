package hostfs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMemory(t *testing.T) {
	is := func(n uint64) *uint64 { return &n }
	for _, test := range []struct {
		host, path string
		want       Memory
	}{
		{"v1", "/", Memory{UsageBytes: is(201326592), Unlimited: true, OOMKills: is(0)}},
		{"v1", "/docker/f1:odd", Memory{UsageBytes: is(67108864), LimitBytes: is(67108864), OOMKills: is(81)}},
		{"v1", "/docker", Memory{}},
		{"v1", "/docker/old", Memory{UsageBytes: is(4096), Unlimited: true}}, // 64 KiB pages, no oom_kill
		{"v2", "/", Memory{}},
		{"v2", "/init.scope", Memory{UsageBytes: is(9437184), Unlimited: true, OOMKills: is(0)}},
		{"v2", dockerScope, Memory{UsageBytes: is(67104768), LimitBytes: is(67108864), OOMKills: is(144)}},
		{"hybrid", "/docker/a1", Memory{UsageBytes: is(1048576), LimitBytes: is(67108864), OOMKills: is(3)}},
	} {
		layout, _ := hostLayout(t, test.host)
		got, err := layout.Memory(test.path)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s %s: %v %s", test.host, test.path, err, diff)
		}
		if _, err := layout.Memory("/docker/gone"); !errors.Is(err, fs.ErrNotExist) {
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
			layout, _ := hostLayout(t, host)
			path := map[string]string{"v1": "/docker/f1:odd", "v2": dockerScope}[host]
			writeFile(t, filepath.Join(layout.Dir, path, name), text)
			got, err := layout.Memory(path)
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
			known := 0
			for _, fact := range []*uint64{got.UsageBytes, got.LimitBytes, got.OOMKills} {
				if fact != nil {
					known++
				}
			}
			if known != 2 || got.Unlimited { // the other two are still told
				t.Errorf("%s: %+v", name, got)
			}
		}
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
