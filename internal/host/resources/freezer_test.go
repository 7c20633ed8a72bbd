package resources

import (
	"slices"
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
)

const (
	v2Thawed = "populated 1\nfrozen 0\n"
	v2Frozen = "populated 1\nfrozen 1\n"
)

// freezerHost returns the layout of a host with files of cgroup v1's freezer, of the unified hierarchy, or of both.
func freezerHost(t *testing.T, v1, v2 map[string]string) cgroupfs.Layout {
	t.Helper()
	dir := func(files map[string]string) string {
		dir := t.TempDir()
		for path, text := range files {
			hosttest.WriteFile(t, dir+path, text)
		}
		return dir
	}
	unified := cgroupfs.Layout{Version: cgroupfs.V2, Dir: dir(v2), Root: "/", Whole: true}
	if v1 == nil {
		return unified
	}
	layout := cgroupfs.Layout{Version: cgroupfs.Hybrid, Controller: "memory", Dir: t.TempDir(), Root: "/", Whole: true, Others: map[string]cgroupfs.Layout{
		"freezer": {Version: cgroupfs.Hybrid, Controller: "freezer", Dir: dir(v1), Root: "/", Whole: true},
	}}
	if v2 != nil {
		layout.Others[""] = unified
	}
	return layout
}

func TestFrozen(t *testing.T) {
	yes, no := new(true), new(false)
	for _, test := range []struct {
		name   string
		v1, v2 map[string]string
		want   *bool
		fails  bool
	}{
		{"v1, not", map[string]string{"/docker/web/freezer.state": "THAWED\n"}, nil, no, false},
		{"v1", map[string]string{"/docker/web/freezer.state": "FROZEN\n"}, nil, yes, false},
		{"v1, soon", map[string]string{"/docker/web/freezer.state": "FREEZING\n"}, nil, yes, false},
		{"v1, of a later kernel", map[string]string{"/docker/web/freezer.state": "MELTING\n"}, nil, nil, true},
		{"v1, gone", map[string]string{}, nil, nil, false},
		{"v2, not", nil, map[string]string{"/docker/web/cgroup.events": v2Thawed, "/docker/web/cgroup.freeze": "0\n", "/docker/cgroup.freeze": "0\n"}, no, false},
		{"v2", nil, map[string]string{"/docker/web/cgroup.events": v2Frozen, "/docker/web/cgroup.freeze": "1\n"}, yes, false},
		{"v2, soon", nil, map[string]string{"/docker/web/cgroup.events": v2Thawed, "/docker/web/cgroup.freeze": "1\n"}, yes, false},
		{"v2, above", nil, map[string]string{"/docker/web/cgroup.events": v2Frozen, "/docker/web/cgroup.freeze": "0\n"}, yes, false},
		{"v2, above, soon", nil, map[string]string{"/docker/web/cgroup.events": v2Thawed, "/docker/web/cgroup.freeze": "0\n", "/docker/cgroup.freeze": "1\n"}, yes, false},
		{"v2, before 5.2", nil, map[string]string{"/docker/web/cgroup.events": "populated 1\n"}, nil, false},
		{"hybrid, not", map[string]string{"/docker/web/freezer.state": "THAWED\n"}, map[string]string{"/docker/web/cgroup.events": v2Thawed}, no, false},
		{"hybrid, by v1", map[string]string{"/docker/web/freezer.state": "FROZEN\n"}, map[string]string{"/docker/web/cgroup.events": v2Thawed}, yes, false},
		{"hybrid, by v2", map[string]string{"/docker/web/freezer.state": "THAWED\n"}, map[string]string{"/docker/web/cgroup.events": v2Frozen}, yes, false},
		{"hybrid, only in v1", map[string]string{"/docker/web/freezer.state": "FROZEN\n"}, map[string]string{}, yes, false},
	} {
		got, err := In(freezerHost(t, test.v1, test.v2)).Frozen("/docker/web")
		if (got == nil) != (test.want == nil) || got != nil && *got != *test.want || (err != nil) != test.fails {
			t.Errorf("%s: %v, %v", test.name, got, err)
		}
	}
}

func TestFrozenBelow(t *testing.T) {
	layout := freezerHost(t, nil, map[string]string{
		"/docker/cgroup.events": v2Thawed, "/docker/a/cgroup.events": v2Frozen, "/docker/a/in/cgroup.events": v2Frozen, "/docker/b/cgroup.events": v2Thawed,
		"/docker/c/in/cgroup.events": v2Frozen, "/other/cgroup.events": v2Frozen,
	})
	got, err := In(layout).FrozenBelow("/docker")
	if want := []string{"/docker/a", "/docker/c/in"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}
