package resources

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// resourceFiles holds the kernel's files on v2 and on v1; @ stands for the container's cgroup.
var resourceFiles = map[string]map[string]string{
	"v2": {
		"system.slice/memory.max": "33554432\n",
		"system.slice/cpu.max":    "200000 100000\n",
		"system.slice/pids.max":   "max\n",

		"@/memory.peak": "67108864\n", "@/memory.high": "max\n", "@/memory.swap.current": "8192\n", "@/memory.swap.max": "0\n",
		"@/memory.stat": "anon 61440\nfile 4096\nkernel 12288\nkernel_stack 4\nslab 8192\n",
		"@/cpu.max":     "50000 100000\n", "@/cpu.weight": "100\n",
		"@/cpu.stat":     "usage_usec 2500000\nuser_usec 1\nnr_periods 40\nnr_throttled 10\nthrottled_usec 1500000\n",
		"@/pids.current": "3\n", "@/pids.max": "100\n", "@/pids.events": "max 12\n",
		"@/io.stat":      "254:0 rbytes=4096 wbytes=512 rios=1 wios=2 dbytes=0 dios=0\n7:1 \n254:16 rbytes=4 wbytes=0 rios=1 wios=0\n",
		"@/cpu.pressure": "some avg10=1.50 avg60=0.25 avg300=0.00 total=2000000\n",
		"@/memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n" +
			"full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
	},
	"v1": {
		"memory/docker/memory.limit_in_bytes":              "33554432\n",
		"memory/docker/f1:odd/memory.max_usage_in_bytes":   "67108864\n",
		"memory/docker/f1:odd/memory.memsw.limit_in_bytes": "134217728\n",
		"memory/docker/f1:odd/memory.kmem.usage_in_bytes":  "12288\n",
		"memory/docker/f1:odd/memory.failcnt":              "9\n",
		"memory/docker/f1:odd/memory.stat": "rss 1\ncache 2\nhierarchical_memory_limit 33554432\n" +
			"total_rss 61440\ntotal_cache 4096\ntotal_swap 8192\n",
		"cpu,cpuacct/docker/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/docker/cpu.cfs_period_us": "100000\n",
		"cpu,cpuacct/docker/f1/cpu.cfs_quota_us": "150000\n", "cpu,cpuacct/docker/f1/cpu.cfs_period_us": "100000\n",
		"cpu,cpuacct/docker/f1/cpu.shares":    "1024\n",
		"cpu,cpuacct/docker/f1/cpuacct.usage": "2500000000\n",
		"cpu,cpuacct/docker/f1/cpu.stat":      "nr_periods 40\nnr_throttled 10\nthrottled_time 1500000000\n",
		"pids/docker/pids.max":                "50\n",
		"pids/docker/f1/pids.current":         "3\n", "pids/docker/f1/pids.max": "max\n",
	},
}

func resourcesHost(t testing.TB, name string) (*Reader, cgroupfs.Layout, hostRoots) {
	t.Helper()
	roots := unpack(t, name)
	for path, text := range resourceFiles[name] {
		hosttest.WriteFile(t, filepath.Join(roots.Cgroup, strings.Replace(path, "@", hosttest.DockerScope, 1)), text)
	}
	return New(pseudofs.Proc(roots.Proc)), roots.layout(t), roots
}

func TestResources(t *testing.T) {
	for _, test := range []struct {
		host, path string
		pid        int32
		want       string
	}{
		{"v2", hosttest.DockerScope, 1430, `{"cgroup": "` + hosttest.DockerScope + `",
			"memory": {"current_bytes": 67104768, "peak_bytes": 67108864, "high_bytes": {"unlimited": true},
				"max_bytes": {"value": 67108864},
				"effective_max_bytes": {"value": 33554432, "cgroup": "/system.slice", "partial": true},
				"swap_bytes": 8192, "swap_max_bytes": {"value": 0},
				"anon_bytes": 61440, "file_bytes": 4096, "kernel_bytes": 12288, "slab_bytes": 8192,
				"events": {"low": 0, "high": 0, "max": 4027, "oom": 145, "oom_kill": 144, "oom_group_kill": 0}},
			"cpu": {"quota_cores": {"value": 0.5}, "effective_quota_cores": {"value": 0.5, "cgroup": "` + hosttest.DockerScope + `", "partial": true},
				"weight": 100, "usage_seconds": 2.5, "periods": 40, "throttled_periods": 10, "throttled_ratio": 0.25, "throttled_seconds": 1.5},
			"pids": {"current": 3, "max": {"value": 100}, "effective_max": {"value": 100, "cgroup": "` + hosttest.DockerScope + `", "partial": true}, "refused": 12},
			"io": {"rbytes": 4100, "wbytes": 512, "rios": 2, "wios": 2, "devices": [
				{"device": "254:0", "rbytes": 4096, "wbytes": 512, "rios": 1, "wios": 2},
				{"device": "254:16", "rbytes": 4, "wbytes": 0, "rios": 1, "wios": 0}]},
			"pressure": {"memory": {"some": {"avg10": 0, "avg60": 0, "avg300": 0, "total_seconds": 0},
					"full": {"avg10": 0, "avg60": 0, "avg300": 0, "total_seconds": 0}},
				"cpu": {"some": {"avg10": 1.5, "avg60": 0.25, "avg300": 0, "total_seconds": 2}}}}`},
		{"v1", "/docker/f1:odd", 12, `{"cgroup": "/docker/f1:odd",
			"memory": {"current_bytes": 67108864, "peak_bytes": 67108864, "max_bytes": {"value": 67108864},
				"effective_max_bytes": {"value": 33554432, "cgroup": "/docker"},
				"swap_bytes": 8192, "swap_max_bytes": {"value": 67108864},
				"anon_bytes": 61440, "file_bytes": 4096, "kernel_bytes": 12288, "events": {"max": 9, "oom_kill": 81}},
			"cpu": {"quota_cores": {"value": 1.5}, "effective_quota_cores": {"value": 1.5, "cgroup": "/docker/f1", "partial": true},
				"shares": 1024, "usage_seconds": 2.5, "periods": 40, "throttled_periods": 10, "throttled_ratio": 0.25, "throttled_seconds": 1.5},
			"pids": {"current": 3, "max": {"unlimited": true}, "effective_max": {"value": 50, "cgroup": "/docker", "partial": true}}}`},
		// Without a process, the same path is read in the other hierarchies; here it does not exist there.
		{"v1", "/docker/old", 0, `{"cgroup": "/docker/old",
			"memory": {"current_bytes": 4096, "max_bytes": {"unlimited": true},
				"effective_max_bytes": {"value": 33554432, "cgroup": "/docker", "partial": true}},
			"cpu": {"effective_quota_cores": {"unlimited": true, "partial": true}},
			"pids": {"effective_max": {"value": 50, "cgroup": "/docker", "partial": true}}}`},
		{"v2", "/init.scope", 1, `{"cgroup": "/init.scope",
			"memory": {"current_bytes": 9437184, "max_bytes": {"unlimited": true}, "effective_max_bytes": {"unlimited": true, "partial": true},
				"events": {"low": 0, "high": 0, "max": 0, "oom": 0, "oom_kill": 0}}}`},
		{"v2", "/", 2, `{"cgroup": "/"}`},
	} {
		r, layout, _ := resourcesHost(t, test.host)
		got, err := r.Of(test.pid, layout, test.path)
		if err != nil {
			t.Errorf("%s %s: %v", test.host, test.path, err)
		}
		if diff := cmp.Diff(indented(t, []byte(test.want)), indented(t, marshal(t, got))); diff != "" {
			t.Errorf("%s %s: %s", test.host, test.path, diff)
		}
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func indented(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	compact := bytes.Clone(b.Bytes())
	b.Reset()
	if err := json.Indent(&b, compact, "", " "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestResourcesUnderAnotherPath has a container that a controller does not confine, and a process
// deep in it.
func TestResourcesUnderAnotherPath(t *testing.T) {
	r, layout, roots := resourcesHost(t, "v1")
	hosttest.WriteFile(t, filepath.Join(roots.Cgroup, "cpu,cpuacct/cpuacct.usage"), "77\n")
	hosttest.WriteFile(t, filepath.Join(roots.Proc, "12/cgroup"), "6:pids:/docker/f1/unit\n5:memory:/docker/f1:odd/unit\n3:cpu,cpuacct:/\n")
	got, err := r.Of(12, layout, "/docker/f1:odd")
	if err != nil || got.PIDs == nil || got.PIDs.Current == nil || *got.PIDs.Current != 3 {
		t.Errorf("pids of the container: %+v, %v", got.PIDs, err)
	}
	// The host's time is not the container's.
	if diff := cmp.Diff(&CPUUse{EffectiveQuotaCores: &EffectiveLimit{Limit: fact.Limit{Unlimited: true}}}, got.CPU); diff != "" {
		t.Error(diff)
	}
}

// TestResourcesOfAHybridHost is about a hybrid host: pressure is in the unified hierarchy.
func TestResourcesOfAHybridHost(t *testing.T) {
	roots := unpack(t, "hybrid")
	r := New(pseudofs.Proc(roots.Proc))
	hosttest.WriteFile(t, filepath.Join(roots.Cgroup, "unified/docker/a1/io.pressure"), "some avg10=3.00 avg60=0.00 avg300=0.00 total=9\n")
	hosttest.WriteFile(t, filepath.Join(roots.Cgroup, "unified/docker/a1/cpu.stat"), "usage_usec 3000000\n")
	layout := roots.layout(t)
	got, err := r.Of(77, layout, "/docker/a1")
	if err != nil || got.Pressure == nil || got.Pressure.IO == nil || *got.Pressure.IO.Some.Avg10 != 3 || got.Pressure.CPU != nil {
		t.Errorf("pressure: %+v, %v", got.Pressure, err)
	}
	if got.CPU == nil || got.CPU.UsageSeconds == nil || *got.CPU.UsageSeconds != 3 || got.CPU.QuotaCores != nil {
		t.Errorf("cpu: %+v", got.CPU)
	}
}

func TestResourcesOfNonsense(t *testing.T) {
	for host, files := range map[string]map[string]string{
		"v2": {
			"memory.current": "-1\n", "memory.peak": "", "memory.high": "maximum\n", "memory.stat": "anon\n", "memory.events": "max x\n",
			"cpu.max": "100000 0\n", "cpu.stat": "usage_usec 18446744073709551616\n", "cpu.weight": "\x00\n", "pids.max": "1 2\n",
			"io.stat": "254:0 rbytes=many\n", "io.pressure": "some avg10=NaN\n", "cpu.pressure": "full avg60=101.00\n",
			"memory.pressure": "some total=-4\n",
		},
		"v1": {"memory.limit_in_bytes": "much\n", "memory.stat": "total_rss -\n", "memory.failcnt": "9 9\n", "memory.oom_control": "oom_kill \n"},
	} {
		for name, text := range files {
			r, layout, _ := resourcesHost(t, host)
			path, pid := hosttest.DockerScope, int32(1430)
			if host == "v1" {
				path, pid = "/docker/f1:odd", 12
			}
			hosttest.WriteFile(t, filepath.Join(layout.Dir, path, name), text)
			got, err := r.Of(pid, layout, path)
			if err == nil || !strings.Contains(err.Error(), name) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s, %s: %v", host, name, err)
			}
			if got.Memory == nil || got.CPU == nil || got.PIDs == nil || got.PIDs.Current == nil { // the rest is still reported
				t.Errorf("%s, %s: %+v", host, name, got)
			}
			marshal(t, got)
		}
	}
}

// TestResourcesNeedNoFile removes one file after the other.
func TestResourcesNeedNoFile(t *testing.T) {
	for _, host := range []string{"v1", "v2"} {
		_, _, roots := resourcesHost(t, host)
		for name := range resourceFiles[host] {
			r, layout, roots := resourcesHost(t, host)
			if err := os.Remove(filepath.Join(roots.Cgroup, strings.Replace(name, "@", hosttest.DockerScope, 1))); err != nil {
				t.Fatal(err)
			}
			path, pid := hosttest.DockerScope, int32(1430)
			if host == "v1" {
				path, pid = "/docker/f1:odd", 12
			}
			if got, err := r.Of(pid, layout, path); err != nil || got.Memory == nil {
				t.Errorf("without %s: %+v, %v", name, got, err)
			}
		}
		layout := roots.layout(t)
		for _, path := range []string{"/docker/gone", "/system.slice/gone.scope"} {
			if got, err := In(layout).Resources(path); !errors.Is(err, fs.ErrNotExist) || got != (Resources{}) {
				t.Errorf("%s: %+v, %v", path, got, err)
			}
		}
		if _, err := In(layout).Resources("/../../etc"); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("leads out: %v", err)
		}
	}
}

// TestResourcesAcrossARemoval removes the cgroup, or replaces it by another, during the reading.
func TestResourcesAcrossARemoval(t *testing.T) {
	for name, remade := range map[string]bool{"gone": false, "another": true} {
		_, layout, _ := resourcesHost(t, "v1")
		dir := filepath.Join(layout.Dir, "docker/f1:odd")
		got, err := In(layout).resources("/docker/f1:odd", func(cgroupfs.Layout) string {
			if err := os.Rename(dir, dir+"-was"); err == nil && remade {
				hosttest.WriteFile(t, filepath.Join(dir, "memory.usage_in_bytes"), "1\n")
			}
			return "/docker/f1:odd"
		})
		if !errors.Is(err, fs.ErrNotExist) || got != (Resources{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestIOv1(t *testing.T) {
	dir := t.TempDir()
	r := &resourceReader{}
	hosttest.WriteFile(t, filepath.Join(dir, "blkio.throttle.io_service_bytes_recursive"), "Total 0\n")
	if got := r.ioV1(dir); got != nil {
		t.Errorf("nothing is counted: %+v", got)
	}
	hosttest.WriteFile(t, filepath.Join(dir, "blkio.bfq.io_service_bytes_recursive"), "254:0 Read 4096\n254:0 Write 512\n254:0 Sync 9\nTotal 4608\n")
	hosttest.WriteFile(t, filepath.Join(dir, "blkio.bfq.io_serviced_recursive"), "254:0 Read 1\n254:0 Write 2\nTotal 3\n")
	n := func(n uint64) *uint64 { return &n }
	counts := IOCounts{ReadBytes: n(4096), WriteBytes: n(512), Reads: n(1), Writes: n(2)}
	if diff := cmp.Diff(&IOUse{IOCounts: counts, Devices: []IODevice{{"254:0", counts}}}, r.ioV1(dir)); diff != "" {
		t.Error(diff)
	}
	if len(r.errs) > 0 {
		t.Error(r.errs)
	}
}

func TestUseHierarchyOff(t *testing.T) {
	_, layout, _ := resourcesHost(t, "v1")
	hosttest.WriteFile(t, filepath.Join(layout.Dir, "docker/memory.use_hierarchy"), "0\n")
	hosttest.WriteFile(t, filepath.Join(layout.Dir, "docker/f1:odd/memory.stat"), "hierarchical_memory_limit 67108864\n")
	got, err := In(layout).Resources("/docker/f1:odd")
	if limit := got.Memory.EffectiveMaxBytes; err != nil || limit.Cgroup != "/docker/f1:odd" || *limit.Value != 64<<20 {
		t.Errorf("%+v, %v", limit, err)
	}
	// The kernel has a lower limit, above what is mounted.
	hosttest.WriteFile(t, filepath.Join(layout.Dir, "docker/f1:odd/memory.stat"), "hierarchical_memory_limit 4096\n")
	got, err = In(layout).Resources("/docker/f1:odd")
	if limit := got.Memory.EffectiveMaxBytes; err != nil || limit.Cgroup != "" || *limit.Value != 4096 {
		t.Errorf("%+v, %v", limit, err)
	}
}
