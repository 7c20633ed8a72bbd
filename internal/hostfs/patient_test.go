package hostfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// block puts in the place of a file one that does not answer until the test ends.
func block(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
}

// answer lets those go on that wait at such a file, and waits until they have.
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
		// Whoever has not opened it yet still waits after this.
		f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK, 0)
		if err == nil {
			_ = f.Close()
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is waited for for good", path)
		}
	}
}

// A process whose memory does not answer holds nobody up: what would have been read there stays unknown.
func TestMemoryThatDoesNotAnswer(t *testing.T) {
	f, roots := openHost(t, "v2")
	f.memory.patience = 10 * time.Millisecond
	layout, err := f.Cgroups.Layout()
	if err != nil {
		t.Fatal(err)
	}
	p := vmProcess{
		exe: "/usr/bin/firecracker", comm: "firecracker", threads: []string{"fc_vcpu 0", "fc_vcpu 1"}, fds: kvm(2), maps: guestMaps,
	}
	p.write(t, roots.Proc, vmPID)
	vmm, ok, err := f.VMM(vmPID, layout)
	if err != nil || !ok || vmm.MemoryBytes == nil {
		t.Fatalf("%+v, %t, %v", vmm, ok, err)
	}
	dir := filepath.Join(roots.Proc, fmt.Sprint(vmPID))
	block(t, dir+"/cmdline")
	block(t, dir+"/maps")
	for range 2 {
		vmm, ok, err = f.VMM(vmPID, layout)
		if err != nil || !ok || vmm.Acceleration != KVM || vmm.VCPUs == nil || *vmm.VCPUs != 2 || vmm.MemoryBytes != nil || vmm.ResidentBytes == nil {
			t.Errorf("%+v, %t, %v", vmm, ok, err)
		}
	}
	answer(t, f.memory, dir+"/cmdline")
	answer(t, f.memory, dir+"/maps")

	proxy := vmProcess{exe: "/usr/bin/docker-proxy", comm: "docker-proxy"}
	proxy.write(t, roots.Proc, vmPID+1)
	dir = filepath.Join(roots.Proc, fmt.Sprint(vmPID+1))
	block(t, dir+"/cmdline")
	if list, err := f.PortProxies(nsfs.Initial()[0]); len(list) > 0 || !errors.Is(err, errNoAnswer) {
		t.Errorf("%+v, %v", list, err)
	}
	answer(t, f.memory, dir+"/cmdline")
}

// However many do not answer, few threads wait, and none twice for the same one.
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
		block(t, filepath.Join(proc, name))
		for range 2 {
			if _, err := p.read(dir, name); !errors.Is(err, errNoAnswer) {
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

// The processes of one cgroup that do not answer keep nobody from reading those of another.
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
		block(t, path)
		blocked = append(blocked, path)
		if _, err := p.read(dir, "cmdline"); !errors.Is(err, errNoAnswer) {
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
