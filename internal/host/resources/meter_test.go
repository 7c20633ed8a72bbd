package resources

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// meterHost returns a host with a container /a, with files by hierarchy and name. Process 50 is at /elsewhere in other hierarchies than
// the tracked one.
func meterHost(t *testing.T, v1 bool, files map[string]string) (*Reader, cgroupfs.Layout) {
	t.Helper()
	dir := t.TempDir()
	layout := cgroupfs.Layout{Version: cgroupfs.V2, Dir: dir, Root: "/", Whole: true, HasMemory: true}
	if v1 {
		layout = cgroupfs.Layout{
			Version: cgroupfs.V1, Controller: "memory", HierarchyID: 3, Dir: dir + "/memory", Root: "/", Whole: true, HasMemory: true,
			Others: map[string]cgroupfs.Layout{"": {Version: cgroupfs.V2, Dir: dir + "/unified", Root: "/", Whole: true}},
		}
		for i, controller := range []string{"cpu", "cpuacct", "pids", "blkio"} {
			layout.Others[controller] = cgroupfs.Layout{
				Version: cgroupfs.V1, Controller: controller, HierarchyID: uint32(4 + i), Dir: dir + "/" + controller, Root: "/", Whole: true,
			}
		}
		hosttest.WriteFile(t, dir+"/proc/50/cgroup", "3:memory:/a\n4:cpu:/elsewhere\n5:cpuacct:/elsewhere\n6:pids:/elsewhere\n7:blkio:/elsewhere\n0::/elsewhere\n")
	}
	for name, text := range files {
		hosttest.WriteFile(t, filepath.Join(dir, name), text)
	}
	return New(pseudofs.Proc(dir + "/proc")), layout
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestMeter(t *testing.T) {
	const pressure = "some avg10=1.50 avg60=0.00 avg300=0.00 total=9\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=1\n"
	n := func(n uint64) *uint64 { return &n }
	percent := func(n float64) *float64 { return &n }
	for _, test := range []struct {
		name  string
		v1    bool
		pid   int32
		files map[string]string
		want  fact.Use
	}{
		{"v2", false, 50, map[string]string{
			"a/cpu.stat":     "usage_usec 7000\nuser_usec 1\nsystem_usec 2\nnr_periods 10\nnr_throttled 4\nthrottled_usec 900\n",
			"a/pids.current": "12\n", "a/memory.swap.current": "4096\n", "a/memory.pressure": pressure,
			"a/io.stat": "8:0 rbytes=100 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0\n",
		}, fact.Use{
			CPUMicros: n(7000), Periods: n(10), ThrottledPeriods: n(4), ThrottledMicros: n(900), Tasks: n(12), SwapBytes: n(4096),
			ReadBytes: n(101), WrittenBytes: n(22), MemoryPressure: percent(1.5), MemoryWait: fact.Wait{SomeMicros: n(9), FullMicros: n(1)},
		}},
		{"v2 with the CPU time alone, and no I/O yet", false, 50, map[string]string{"a/cpu.stat": "usage_usec 7000\n", "a/io.stat": ""}, fact.Use{
			CPUMicros: n(7000), ReadBytes: n(0), WrittenBytes: n(0),
		}},
		{"v1, by its process", true, 50, map[string]string{
			"cpuacct/elsewhere/cpuacct.usage": "7000999\n", "cpu/elsewhere/cpu.stat": "nr_periods 10\nnr_throttled 4\nthrottled_time 900000\n",
			"pids/elsewhere/pids.current": "12\n", "memory/a/memory.memsw.usage_in_bytes": "5096\n",
			"blkio/elsewhere/blkio.throttle.io_service_bytes_recursive": "Total 0\n",
			"blkio/elsewhere/blkio.bfq.io_service_bytes_recursive":      "8:0 Read 100\n8:0 Write 20\n8:0 Total 120\n8:16 Read 1\nTotal 121\n",
			"unified/elsewhere/io.pressure":                             pressure, "pids/a/pids.current": "99\n",
		}, fact.Use{
			CPUMicros: n(7000), Periods: n(10), ThrottledPeriods: n(4), ThrottledMicros: n(900), Tasks: n(12), SwapBytes: n(4096),
			ReadBytes: n(101), WrittenBytes: n(20), IOPressure: percent(1.5), IOWait: fact.Wait{SomeMicros: n(9), FullMicros: n(1)},
		}},
		{"v1, without a process", true, 0, map[string]string{
			"pids/a/pids.current": "99\n", "blkio/a/blkio.throttle.io_service_bytes_recursive": "Total 0\n",
		}, fact.Use{Tasks: n(99)}},
		{"nothing", false, 50, nil, fact.Use{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, layout := meterHost(t, test.v1, test.files)
			before := openFiles(t)
			m := r.Meter(test.pid, layout, "/a")
			if open := openFiles(t) - before; open > MeterFiles {
				t.Errorf("%d files are open, more than %d", open, MeterFiles)
			}
			got, err := m.Read(n(1000))
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			cpu, err := m.CPUMicros()
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.want.CPUMicros, cpu); diff != "" {
				t.Errorf("CPU time (-want +got):\n%s", diff)
			}
			m.Close()
			m.Close()
			if after := openFiles(t); after != before {
				t.Errorf("%d files are open, %d before", after, before)
			}
		})
	}
}

func TestMeterOfWhatMakesNoSense(t *testing.T) {
	for name, text := range map[string]string{"cpu.stat": "usage_usec much\n", "pids.current": "-1\n", "io.stat": "sda rbytes=1\n", "cpu.pressure": "some avg10=200\n"} {
		r, layout := meterHost(t, false, map[string]string{"a/" + name: text, "a/memory.swap.current": "7\n"})
		m := r.Meter(0, layout, "/a")
		got, err := m.Read(nil)
		if err == nil || got.SwapBytes == nil {
			t.Errorf("%s is %q: %+v, %v", name, text, got, err)
		}
		got.SwapBytes = nil
		if got != (fact.Use{}) {
			t.Errorf("%s is %q: %+v", name, text, got)
		}
		m.Close()
	}
}
