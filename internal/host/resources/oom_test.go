package resources

import (
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestOOMDomain(t *testing.T) {
	page := uint64(os.Getpagesize())
	v2 := map[string]string{"memory.max": "67108864\n", "memory.swap.max": "max\n"}
	v1 := map[string]string{
		"memory.limit_in_bytes": "67108864\n", "memory.memsw.limit_in_bytes": "83886080\n", "memory.swappiness": "60\n",
		"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\n",
	}
	for _, test := range []struct {
		name                string
		v1                  bool
		files               map[string]string
		change, to          string
		swapKB, swappiness  string
		wantTotal           uint64
		wantOff, wantFailed bool
	}{
		{name: "v2, no swap", files: v2, swapKB: "0", swappiness: "60", wantTotal: 64 << 20},
		{name: "v2, any swap", files: v2, swapKB: "1024", swappiness: "60", wantTotal: 65 << 20},
		{name: "v2, limited swap", files: v2, change: "memory.swap.max", to: "524288\n", swapKB: "1024", swappiness: "60", wantTotal: 64<<20 + 512<<10},
		{name: "v2, swappiness 0", files: v2, swapKB: "1024", swappiness: "0", wantTotal: 64 << 20},
		{name: "v2, no limit", files: v2, change: "memory.max", to: "max\n", swapKB: "0", swappiness: "60", wantFailed: true},
		{name: "v1", v1: true, files: v1, swapKB: "1048576", swappiness: "0", wantTotal: 80 << 20},
		{name: "v1, little swap", v1: true, files: v1, swapKB: "1024", swappiness: "0", wantTotal: 65 << 20},
		{name: "v1, its swappiness 0", v1: true, files: v1, change: "memory.swappiness", to: "0\n", swapKB: "1024", swappiness: "60", wantTotal: 64 << 20},
		{name: "v1, off", v1: true, files: v1, change: "memory.oom_control", to: "oom_kill_disable 1\n", swapKB: "0", swappiness: "60", wantTotal: 64 << 20, wantOff: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			proc, dir := t.TempDir(), t.TempDir()
			hosttest.WriteFile(t, proc+"/meminfo", "MemTotal: 5 kB\nSwapTotal:  "+test.swapKB+" kB\n")
			hosttest.WriteFile(t, proc+"/sys/vm/swappiness", test.swappiness+"\n")
			for name, text := range test.files {
				if name == test.change {
					text = test.to
				}
				hosttest.WriteFile(t, dir+"/web/"+name, text)
			}
			layout := cgroupfs.Layout{Version: cgroupfs.V2, Dir: dir, Root: "/", Whole: true}
			if test.v1 {
				layout.Version, layout.Controller = cgroupfs.V1, "memory"
			}
			got, err := New(pseudofs.Proc(proc)).OOMDomain(layout, "/web")
			if want := (OOMDomain{TotalPages: test.wantTotal / page, Off: test.wantOff}); got != want || (err != nil) != test.wantFailed {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		})
	}
}

func TestOOMGroup(t *testing.T) {
	dir := t.TempDir()
	for path, text := range map[string]string{"/pod": "1\n", "/pod/a": "0\n", "/pod/b": "1\n", "/pod/b/c": "0\n"} {
		hosttest.WriteFile(t, dir+path+"/memory.oom.group", text)
	}
	layout := cgroupfs.Layout{Version: cgroupfs.V2, Dir: dir, Root: "/", Whole: true}
	for _, test := range []struct{ path, domain, want string }{
		{"/pod/a", "/pod/a", ""},
		{"/pod/a", "/pod", "/pod"},
		{"/pod/b/c", "/pod/b/c", ""},
		{"/pod/b/c", "/pod/b", "/pod/b"},
		{"/pod/b/c", "/pod", "/pod"},
		{"/pod/b/c", "/", "/pod"},
		{"/gone", "/gone", ""},
	} {
		if got := In(layout).OOMGroup(test.path, test.domain); got != test.want {
			t.Errorf("%s in %s: %q, want %q", test.path, test.domain, got, test.want)
		}
	}
	layout.Controller = "memory"
	if got := In(layout).OOMGroup("/pod/a", "/pod"); got != "" {
		t.Errorf("v1: %q", got)
	}
}
