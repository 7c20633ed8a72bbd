package procfs

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// TestList: in order of numbers, each with the inode of its directory, and nothing else of procfs.
func TestList(t *testing.T) {
	proc := t.TempDir()
	var want []Listed
	for _, pid := range []int32{1, 7, 20, 100} {
		name := map[int32]string{1: "1", 7: "7", 20: "20", 100: "100"}[pid]
		if err := os.Mkdir(filepath.Join(proc, name), 0o755); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(proc, name))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, Listed{PID: pid, Inode: info.Sys().(*syscall.Stat_t).Ino})
	}
	for _, name := range []string{"self", "sys", "01", "7x"} {
		if err := os.Mkdir(filepath.Join(proc, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(proc, "stat"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := New(pseudofs.Proc(proc)).List()
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

// TestListLive: this process is among the host's, with the inode that stat reports.
func TestListLive(t *testing.T) {
	proc := pseudofs.Proc(pseudofs.DefaultProc)
	self, err := proc.Self()
	if err != nil {
		t.Fatal(err)
	}
	list, err := New(proc).List()
	if err != nil {
		t.Fatal(err)
	}
	stat, err := pseudofs.Lstat(proc.PID(self))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		if p.PID == self {
			if p.Inode != stat.Ino {
				t.Errorf("inode %d, stat has %d", p.Inode, stat.Ino)
			}
			return
		}
	}
	t.Errorf("%d is not among %d processes", self, len(list))
}
