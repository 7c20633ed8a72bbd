package procfs

import (
	"fmt"
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestOOMTraits(t *testing.T) {
	proc := t.TempDir()
	kB := os.Getpagesize() >> 10
	write := func(pid int, status, adj string) {
		hosttest.WriteFile(t, fmt.Sprintf("%s/%d/status", proc, pid), status)
		hosttest.WriteFile(t, fmt.Sprintf("%s/%d/oom_score_adj", proc, pid), adj)
	}
	write(10, fmt.Sprintf("Name:\tweb \\n1\nTgid:\t10\nVmRSS:\t  %d kB\nRssAnon:\t 9 kB\nVmPTE:\t %d kB\nVmSwap:\t %d kB\n", 100*kB, 2*kB, 30*kB), "-500\n")
	write(11, "Name:\tkworker/0:1\nTgid:\t11\n", "0\n")
	write(12, "Name:\todd\nVmRSS:\tmany kB\n", "0\n")
	write(13, "Name:\todd\n", "low\n")
	for pid, want := range map[int32]OOMTraits{10: {"web \n1", 132, -500}, 11: {"kworker/0:1", 0, 0}} {
		if got, err := New(pseudofs.Proc(proc)).OOMTraits(pid); got != want || err != nil {
			t.Errorf("%d: %+v, %v, want %+v", pid, got, err, want)
		}
	}
	for _, pid := range []int32{12, 13, 14} {
		if got, err := New(pseudofs.Proc(proc)).OOMTraits(pid); err == nil || pseudofs.IsGone(err) != (pid == 14) {
			t.Errorf("%d: %+v, %v", pid, got, err)
		}
	}
}

// The kernel's own files of this process.
func TestOOMTraitsOfSelf(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	traits, err := r.OOMTraits(int32(os.Getpid()))
	if err != nil || traits.Pages < 100 || traits.Comm == "" {
		t.Errorf("%+v, %v", traits, err)
	}
	if score, err := r.OOMScore(int32(os.Getpid())); err != nil || score < 0 {
		t.Errorf("%d, %v", score, err)
	}
}
