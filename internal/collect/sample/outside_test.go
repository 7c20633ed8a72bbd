package sample

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/model"
)

// What is charged to a cgroup that a container has left is not what it uses; nor has it ended with that cgroup.
func TestContainerThatLeftItsCgroupIsNotGone(t *testing.T) {
	proc, memory, pids := t.TempDir(), t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"memory.usage_in_bytes": "4096\n", "memory.limit_in_bytes": "8192\n", "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
		"cgroup.procs": "",
	} {
		write(memory+"/a/"+name, text)
	}
	write(pids+"/a/cgroup.procs", "50\n")
	write(proc+"/50/stat", fmt.Sprintf("50 (app) S 1 %s 9 0\n", strings.Repeat(" 0", 17)))
	s := newSampler(Config{
		Proc: procfs.New(pseudofs.Proc(proc)), Resources: resources.New(pseudofs.Proc(proc)), Log: slog.New(slog.DiscardHandler),
		Layout: cgroupfs.Layout{
			Version: cgroupfs.V1, Controller: "memory", Dir: memory, Root: "/", Whole: true, HasMemory: true,
			Others: map[string]cgroupfs.Layout{"pids": {Version: cgroupfs.V1, Controller: "pids", Dir: pids, Root: "/", Whole: true}},
		},
	})
	s.maxOpen = 0 // of an ordinary file that is open nobody can see that it is gone
	defer s.close()
	live := []model.Watched{{ID: "a", Running: true, CgroupPath: "/a", Outside: 50}}
	read := func() fact.Reading {
		t.Helper()
		list, gone := s.readings(live, false)
		if len(gone) > 0 {
			t.Fatalf("%v is gone", gone)
		}
		if len(list) == 0 {
			return fact.Reading{}
		}
		r := list[0]
		r.Limits = nil
		return r
	}
	want := fact.Reading{ID: "a", LimitBytes: new(uint64(8192)), OOMKills: new(uint64(0)), StuckAt: new("")}
	for range 2 * fullEvery {
		if diff := cmp.Diff(want, read()); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
	write(memory+"/a/cgroup.procs", "51\n") // another process of it has stayed, or come
	live[0].Outside = 0
	want.UsageBytes, want.Processes = new(uint64(4096)), new(1)
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("held again: -want +got:\n%s", diff)
	}
	live[0].Outside = 50
	if err := os.RemoveAll(memory + "/a"); err != nil {
		t.Fatal(err)
	}
	for range 2 * goneAfter {
		read()
	}
	if err := os.RemoveAll(proc + "/50"); err != nil {
		t.Fatal(err)
	}
	if _, gone := s.readings(live, false); len(gone) != 1 {
		t.Error("it lives on without its PID 1")
	}
}
