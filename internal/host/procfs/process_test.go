package procfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestPIDs(t *testing.T) {
	r, proc := openHost(t)
	for _, name := range []string{"0", "01", "-5", "+5", "5a", "2147483648", "self5", "٣"} {
		hosttest.WriteFile(t, filepath.Join(proc, name, "stat"), "")
	}
	got, err := r.PIDs()
	if want := []int32{1, 2, 1430, 1500}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestProcesses(t *testing.T) {
	r, layout, proc := openCgroups(t)
	ids := nsfs.Initial()
	ids[event.Net] = 4026532321
	hosttest.WriteNamespaces(t, filepath.Join(proc, "1430"), ids)
	for _, pid := range []string{"1", "2"} { // these may not be read, or have none
		hosttest.WriteNamespaces(t, filepath.Join(proc, pid), event.NamespaceIDs{})
	}
	hosttest.WriteFile(t, filepath.Join(proc, "3", "ns", "kept"), "") // vanishes before its stat is read
	want := []Process{
		{PID: 1, Comm: "systemd", NSPID: []int32{1}, StartTime: 31, Cgroup: "/init.scope"},
		{PID: 2, Comm: "kthreadd", NSPID: []int32{2}, StartTime: 31, Cgroup: "/"},
		{
			PID: 1430, PPID: 1407, Comm: "we (i) r\\d\n) R 1 (x", NSPID: []int32{1430, 1}, UID: 1000, StartTime: 5423,
			Namespaces: ids, Cgroup: hosttest.DockerScope,
		},
	}
	var got []Process
	var failed []int32
	for process, err := range r.Processes(layout) {
		if err != nil {
			failed = append(failed, process.PID)
			continue
		}
		got = append(got, process)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(failed, []int32{1500}) { // its stat is cut short
		t.Errorf("failed: %v", failed)
	}
	for process, err := range r.Processes(cgroupfs.Layout{}) {
		if err != nil || process.PID != 1 || process.Cgroup != "" {
			t.Errorf("without a layout: %+v, %v", process, err)
		}
		break
	}
}

func TestProcessesOfAnUnreadableDirectory(t *testing.T) {
	r, proc := openHost(t)
	if err := os.RemoveAll(proc); err != nil {
		t.Fatal(err)
	}
	n := 0
	for process, err := range r.Processes(cgroupfs.Layout{}) {
		if n++; err == nil || process.PID != 0 {
			t.Errorf("%+v, %v", process, err)
		}
	}
	if n != 1 {
		t.Errorf("%d answers", n)
	}
}

func TestComm(t *testing.T) {
	r, proc := openHost(t)
	for text, want := range map[string]string{"a\n": "a", "a\n\n": "a\n", "\n": "", "": "", "a": "a", "\x1b]0;x\a\n": "\x1b]0;x\a"} {
		hosttest.WriteFile(t, filepath.Join(proc, "9", "comm"), text)
		if got, err := r.Comm(9); got != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// TestLiveProcess follows one process from start to end, and reads it by all readers.
func TestLiveProcess(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	cat := hosttest.Start(t, nil, "cat")
	pid := cat.PID

	process, err := r.Process(pid, cgroupfs.Layout{})
	if err != nil {
		t.Fatal(err)
	}
	if process.Comm != "cat" || process.PPID != int32(os.Getpid()) || process.UID != uint32(os.Getuid()) ||
		process.NSPID[0] != pid || process.StartTime == 0 {
		t.Errorf("got %+v", process)
	}
	if want := readlinks(t, pid); process.Namespaces != want {
		t.Errorf("namespaces %v, readlink says %v", process.Namespaces, want)
	}
	path, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		t.Fatal(err)
	}
	if exe, err := r.Exe(pid); exe != path || err != nil {
		t.Errorf("runs %q, want %q, %v", exe, path, err)
	}
	pinned, err := r.proc.OpenPID(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer pinned.Close()

	cat.End(t)
	zombie, err := r.Process(pid, cgroupfs.Layout{})
	if err != nil || zombie.StartTime != process.StartTime || zombie.Namespaces[event.Net] != 0 {
		t.Errorf("as a zombie: %+v, %v", zombie, err)
	}
	cat.Reap(t)

	for name, read := range map[string]func() error{
		"Stat":               func() error { _, err := r.Stat(pid); return err },
		"StartTime":          func() error { _, err := r.StartTime(pid); return err },
		"Status":             func() error { _, err := r.Status(pid); return err },
		"Namespaces":         func() error { _, err := r.ns.Of(pid); return err },
		"NamespaceRelations": func() error { _, err := r.ns.Relations(pid, event.Net, func(uint64) bool { return false }); return err },
		"CgroupPath":         func() error { _, err := cgroupfs.New(r.proc, "").PathOf(pid, cgroupfs.Layout{}); return err },
		"Comm":               func() error { _, err := r.Comm(pid); return err },
		"Exe":                func() error { _, err := r.Exe(pid); return err },
		"readStat, pinned":   func() error { _, err := readStat(pinned, nil); return err },
		"readStatus, pinned": func() error { _, err := readStatus(pinned, nil); return err },
		"readNamespaces, pinned": func() error {
			_, _, err := nsfs.ReadIDs(pinned)
			return err
		},
	} {
		if err := read(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a process that is gone: %v", name, err)
		}
	}
}

// TestLiveCommOfHostileProcess has the kernel write comms that are hard to parse.
func TestLiveCommOfHostileProcess(t *testing.T) {
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	r := New(pseudofs.DefaultProc)
	for _, comm := range []string{") R 1 (", "a\nb", "\n", "a\\nb\\", "\x1b[31m", "\xff\xfe", "a b"} {
		program := filepath.Join(t.TempDir(), comm)
		if err := os.Symlink(cat, program); err != nil { // exec takes the comm from the name
			t.Fatal(err)
		}
		pid := hosttest.Start(t, nil, program).PID
		stat, err := r.Stat(pid)
		if err != nil || stat.Comm != comm || stat.PPID != int32(os.Getpid()) {
			t.Errorf("%q by stat: %+v, %v", comm, stat, err)
		}
		if status, err := r.Status(pid); err != nil || status.Comm != comm {
			t.Errorf("%q by status: %+v, %v", comm, status, err)
		}
		if got, err := r.Comm(pid); err != nil || got != comm {
			t.Errorf("%q by comm: %q, %v", comm, got, err)
		}
	}
}

func TestLiveProcesses(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	self := false
	for process, err := range r.Processes(cgroupfs.Layout{}) {
		if err != nil {
			t.Errorf("PID %d: %v", process.PID, err)
		}
		if process.PID == int32(os.Getpid()) {
			self = true
			if want := readlinks(t, process.PID); process.Namespaces != want {
				t.Errorf("namespaces %v, readlink says %v", process.Namespaces, want)
			}
		}
	}
	if !self {
		t.Error("this process is missing")
	}
}

// readlinks reads a process's namespaces with os.Readlink.
func readlinks(t testing.TB, pid int32) (ids event.NamespaceIDs) {
	t.Helper()
	for _, kind := range event.NamespaceTypes() {
		link, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(int(pid)), "ns", kind.String()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(link, kind.String()+":[%d]", &ids[kind]); err != nil {
			t.Fatalf("%q: %v", link, err)
		}
	}
	return ids
}
