package procfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// answer releases the reads that wait at such a file, and waits until they have ended.
func answer(t *testing.T, p *patientReader, path string) {
	t.Helper()
	waits := func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		_, waits := p.waiting[path]
		return waits
	}
	deadline := time.Now().Add(10 * time.Second)
	for waits() {
		// A reader that has not opened it yet still waits after this.
		f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
		if err == nil {
			_ = f.Close()
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is waited for for good", path)
		}
	}
}

// A process whose memory does not answer delays nobody.
func TestCmdlineThatDoesNotAnswer(t *testing.T) {
	r, proc := openHost(t)
	r.memory.patience = time.Minute // this machine may be busy
	path := filepath.Join(proc, "9", "cmdline")
	hosttest.WriteFile(t, path, "a\x00b\x00")
	if got, err := r.Cmdline(9); string(got) != "a\x00b\x00" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	hosttest.Block(t, path)
	r.memory.patience = 10 * time.Millisecond
	for range 2 {
		if got, err := r.Cmdline(9); got != nil || !errors.Is(err, ErrNoAnswer) {
			t.Errorf("%q, %v", got, err)
		}
	}
	answer(t, r.memory, path)
}

// However many do not answer, few threads wait, and only one for the same file.
func TestWaitingIsBounded(t *testing.T) {
	proc := t.TempDir()
	p := newPatientReader()
	p.patience = time.Millisecond
	dir, err := pseudofs.OpenDir(proc)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for i := range mostWaiting + 4 {
		name := fmt.Sprint(i)
		hosttest.WriteFile(t, filepath.Join(proc, name), "")
		hosttest.Block(t, filepath.Join(proc, name))
		for range 2 {
			if _, err := p.read(dir, name); !errors.Is(err, ErrNoAnswer) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if n := len(p.waiting); n != mostWaiting {
		t.Errorf("%d are waited for", n)
	}
	for i := range mostWaiting {
		answer(t, p, filepath.Join(proc, fmt.Sprint(i)))
	}
	p.patience = time.Minute // this machine may be busy
	hosttest.WriteFile(t, filepath.Join(proc, "well"), "yes")
	if data, err := p.read(dir, "well"); string(data) != "yes" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := p.read(dir, "gone"); !pseudofs.IsGone(err) {
		t.Errorf("gone: %v", err)
	}
}

// Processes of one cgroup that do not answer do not prevent reading those of another.
func TestWaitingIsBoundedForEachCgroup(t *testing.T) {
	p := newPatientReader()
	p.patience = time.Millisecond
	process := func(cgroup string) (pseudofs.Dir, string) {
		path := t.TempDir()
		hosttest.WriteFile(t, filepath.Join(path, "cgroup"), "0::"+cgroup+"\n")
		hosttest.WriteFile(t, filepath.Join(path, "cmdline"), "yes")
		dir, err := pseudofs.OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(dir.Close)
		return dir, filepath.Join(path, "cmdline")
	}
	var blocked []string
	for range mostWaiting {
		dir, path := process("/bad")
		hosttest.Block(t, path)
		blocked = append(blocked, path)
		if _, err := p.read(dir, "cmdline"); !errors.Is(err, ErrNoAnswer) {
			t.Error(err)
		}
	}
	p.patience = time.Minute // this machine may be busy
	dir, _ := process("/good")
	if data, err := p.read(dir, "cmdline"); string(data) != "yes" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	for _, path := range blocked[:mostWaitingOfCgroup] {
		answer(t, p, path)
	}
}
