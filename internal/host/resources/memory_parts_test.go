package resources

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestMemoryParts(t *testing.T) {
	is := func(n uint64) *uint64 { return &n }
	for _, test := range []struct {
		name, host, path string
		files            map[string]string
		want             MemoryParts
	}{
		{
			"v2", "v2", hosttest.DockerScope, map[string]string{
				"memory.stat": "anon 1048576\nfile 62914560\nkernel 2097152\nkernel_stack 16384\npagetables 8192\nsec_pagetables 0\npercpu 960\n" +
					"sock 4096\nshmem 60817408\nslab 524288\nfile_mapped 1\nanon_thp 0\n",
			},
			MemoryParts{AnonBytes: is(1048576), FileBytes: is(2097152), ShmemBytes: is(60817408), KernelBytes: is(2097152), SockBytes: is(4096)},
		},
		{
			"v2 before Linux 5.11", "v2", hosttest.DockerScope, map[string]string{
				"memory.stat": "anon 4096\nfile 8192\nkernel_stack 16384\npercpu 960\nsock 0\nshmem 0\nslab 524288\n",
			},
			MemoryParts{AnonBytes: is(4096), FileBytes: is(8192), ShmemBytes: is(0), KernelBytes: is(16384 + 960 + 524288), SockBytes: is(0)},
		},
		{
			"v1", "v1", "/docker/f1:odd", map[string]string{
				"memory.stat": "cache 1\nrss 2\nshmem 3\ntotal_cache 62914560\ntotal_rss 1048576\ntotal_rss_huge 0\ntotal_shmem 60817408\n" +
					"total_mapped_file 4\n",
				"memory.kmem.usage_in_bytes": "2097152\n",
			},
			MemoryParts{AnonBytes: is(1048576), FileBytes: is(2097152), ShmemBytes: is(60817408), KernelBytes: is(2097152)},
		},
		{
			"v1 without the kernel's part", "v1", "/docker/f1:odd", map[string]string{"memory.stat": "total_cache 8192\ntotal_rss 4096\n"},
			MemoryParts{AnonBytes: is(4096)}, // how much of the cache is shared memory is unknown
		},
		{
			"more shared memory than files, counted a moment later", "v1", "/docker/f1:odd", map[string]string{
				"memory.stat": "total_cache 8192\ntotal_shmem 12288\n",
			},
			MemoryParts{FileBytes: is(0), ShmemBytes: is(12288)},
		},
		{"no memory controller", "v2", hosttest.DockerScope, nil, MemoryParts{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			layout := hostLayout(t, test.host)
			for name, text := range test.files {
				hosttest.WriteFile(t, filepath.Join(layout.Dir, test.path, name), text)
			}
			got, err := In(layout).MemoryParts(test.path)
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}

	layout := hostLayout(t, "v2")
	if _, err := In(layout).MemoryParts("/gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a cgroup that is gone: %v", err)
	}
	hosttest.WriteFile(t, filepath.Join(layout.Dir, hosttest.DockerScope, "memory.stat"), "anon much\nfile 1\nshmem 0\n")
	if got, err := In(layout).MemoryParts(hosttest.DockerScope); err == nil || got.AnonBytes != nil || *got.FileBytes != 1 {
		t.Errorf("what makes no sense: %+v, %v", got, err)
	}
}

func TestMemoryPartsOfTheHost(t *testing.T) {
	roots := unpack(t, "v2")
	r := New(pseudofs.Proc(roots.Proc))
	hosttest.WriteFile(t, filepath.Join(roots.Proc, "meminfo"), "MemTotal:       1000 kB\nBuffers:          20 kB\nCached:          300 kB\nSwapCached:        9 kB\n"+
		"AnonPages:       400 kB\nShmem:           100 kB\nSlab:             50 kB\nKernelStack:       4 kB\nPageTables:        3 kB\nPercpu:            2 kB\n")
	got, err := r.HostMemoryParts()
	if err != nil {
		t.Fatal(err)
	}
	kb := func(n uint64) *uint64 { n <<= 10; return &n }
	want := MemoryParts{AnonBytes: kb(400), FileBytes: kb(220), ShmemBytes: kb(100), KernelBytes: kb(59)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, text := range []string{"Shmem: 1 MB\n", "Slab: -1 kB\n", "AnonPages: 99999999999999999999 kB\n", "Cached:\n"} {
		hosttest.WriteFile(t, filepath.Join(roots.Proc, "meminfo"), text)
		if got, err := r.HostMemoryParts(); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
