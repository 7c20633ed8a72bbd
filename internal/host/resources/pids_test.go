package resources

import (
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
)

// What pids.events counts depends on the kernel. v1, and v2 before 6.11, count each cgroup alone, and the counts below are added;
// later v2 includes those below.
func TestPIDsRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		v1     bool
		local  bool // the mount's option
		files  map[string]string
		want   uint64
		absent bool
	}{
		{name: "v1", v1: true, files: map[string]string{"/web/pids.events": "max 3\n"}, want: 3},
		{name: "v1, some below", v1: true, files: map[string]string{
			"/web/pids.events": "max 3\n", "/web/unit/pids.events": "max 4\n", "/web/unit/deep/pids.events": "max 5\n", "/other/pids.events": "max 9\n",
		}, want: 12},
		{name: "v2, old", files: map[string]string{"/web/pids.events": "max 3\n", "/web/unit/pids.events": "max 4\n"}, want: 7},
		{name: "v2", files: map[string]string{
			"/web/pids.events": "max 7\n", "/web/pids.events.local": "max 3\n", "/web/unit/pids.events": "max 4\n", "/web/unit/pids.events.local": "max 4\n",
		}, want: 7},
		{name: "v2, counted as of old", local: true, files: map[string]string{
			"/web/pids.events": "max 3\n", "/web/pids.events.local": "max 3\n", "/web/unit/pids.events": "max 4\n",
		}, want: 7},
		{name: "not counted", files: map[string]string{"/web/pids.max": "max\n"}, absent: true},
	} {
		dir := t.TempDir()
		for path, text := range test.files {
			hosttest.WriteFile(t, dir+path, text)
		}
		layout := cgroupfs.Layout{Version: cgroupfs.V2, Dir: dir, Root: "/", Whole: true, LocalPIDsEvents: test.local}
		if test.v1 {
			layout = cgroupfs.Layout{Version: cgroupfs.V1, Controller: "memory", Dir: t.TempDir(), Root: "/", Whole: true, Others: map[string]cgroupfs.Layout{
				"pids": {Version: cgroupfs.V1, Controller: "pids", Dir: dir, Root: "/", Whole: true},
			}}
		}
		got, err := In(layout).PIDsRefused("/web")
		if err != nil || (got == nil) != test.absent || got != nil && *got != test.want {
			t.Errorf("%s: %v, %v, want %d", test.name, got, err, test.want)
		}
	}
}
