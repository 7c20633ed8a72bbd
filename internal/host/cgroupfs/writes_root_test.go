//go:build root

package cgroupfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// nextWrite waits for a write to a cgroup.
func nextWrite(t *testing.T, w *Writes, path string) Write {
	t.Helper()
	for {
		list, _, err := w.Next()
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(list, func(w Write) bool { return w.Path == path }); i >= 0 {
			return list[i]
		}
	}
}

// eachWatch runs a test with each way of watching that the kernel has, and checks that WatchWrites chooses the better one.
func eachWatch(t *testing.T, r *Reader, layout Layout, test func(t *testing.T, byHandle bool)) {
	t.Helper()
	chosen, err := r.WatchWrites(layout)
	if err != nil {
		t.Fatal(err)
	}
	chosen.Close()
	w, err := r.watchWrites(layout, true)
	if err == nil {
		w.Close()
		t.Run("by handle", func(t *testing.T) { test(t, true) })
	}
	if why := chosen.WithoutHandles(); (why == nil) != (err == nil) {
		t.Errorf("without handles, since %v; %v", why, err)
	}
	t.Run("by file", func(t *testing.T) { test(t, false) })
}

// TestRootCgroupWrites has processes write to cgroups, from the host and from a cgroup namespace with a mount of its own, and
// checks that each write is reported with its writer.
func TestRootCgroupWrites(t *testing.T) {
	r := New(pseudofs.DefaultProc, "")
	layout, err := r.Layout()
	if err != nil {
		t.Fatal(err)
	}
	eachWatch(t, r, layout, func(t *testing.T, byHandle bool) { checkCgroupWrites(t, r, layout, byHandle) })
}

func checkCgroupWrites(t *testing.T, r *Reader, layout Layout, byHandle bool) {
	unified := layout.Controller == ""
	name := fmt.Sprintf("/nsviz-writes-%d", os.Getpid())
	below := name + "/below"
	fileOf := map[string]string{"memory": "memory.limit_in_bytes", "cpu": "cpu.cfs_quota_us", "pids": "pids.max", "freezer": "freezer.state"}
	changeOf := map[string]Change{"memory": MemoryLimit | SwapLimit, "cpu": CPULimit, "pids": PIDsLimit, "freezer": Freezer}
	if unified {
		fileOf = map[string]string{"memory": "memory.max", "cpu": "cpu.max", "pids": "pids.max", "freezer": "cgroup.freeze"}
		changeOf["memory"] = MemoryLimit
	}
	dirs := map[string]string{} // of the hierarchy, by controller
	for controller := range fileOf {
		hierarchy, found := layout.Hierarchy(controller)
		if !found {
			t.Fatalf("no hierarchy for %s", controller)
		}
		dirs[controller] = hierarchy.Dir
		if unified && len(dirs) > 1 {
			continue
		}
		for _, path := range []string{name, below} {
			if err := os.Mkdir(hierarchy.Dir+path, 0o755); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Remove(hierarchy.Dir + path) })
			if unified && path == name {
				hosttest.SetFile(t, hierarchy.Dir+path+"/cgroup.subtree_control", "+memory +cpu +pids")
			}
		}
	}
	w, err := r.watchWrites(layout, byHandle)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	// write starts a shell that writes and waits, so that its identity can be read.
	write := func(script string) *hosttest.Child {
		t.Helper()
		return hosttest.Start(t, nil, "sh", "-c", script+`; echo; read -r line; :`)
	}
	for controller, file := range fileOf {
		value := map[string]string{"memory": "100000000", "cpu": "50000", "pids": "100", "freezer": "THAWED"}[controller]
		if file == "cgroup.freeze" {
			value = "0"
		}
		c := write(fmt.Sprintf("echo %s >%s%s/%s", value, dirs[controller], below, file))
		c.Line(t)
		if got, want := nextWrite(t, w, below), (Write{Path: below, Changes: changeOf[controller], PID: c.PID}); got != want {
			t.Errorf("%s: %+v, want %+v", controller, got, want)
		}
		c.End(t)
	}

	// A process moves itself in, and writes from a cgroup namespace in which only that cgroup is mounted, at another place.
	unshare, err := exec.LookPath("unshare") // that of a small shell lacks cgroup namespaces
	if err != nil {
		t.Fatal(err)
	}
	of := "-t cgroup2"
	if !unified {
		of = "-t cgroup -o " + layout.Controller
	}
	file := fileOf["memory"]
	c := write(fmt.Sprintf(`echo $$ >%[1]s%[2]s/cgroup.procs; echo; read -r line
		exec 2>&1 %[6]s --cgroup --mount sh -c 'mount %[3]s none %[5]s && echo 90000000 >%[5]s/%[4]s; echo; read -r line; :'`,
		dirs["memory"], below, of, file, t.TempDir(), unshare))
	home := dirs["memory"] // on v2 the root takes processes, too
	t.Cleanup(func() { _ = os.WriteFile(home+"/cgroup.procs", []byte(strconv.Itoa(int(c.PID))), 0) })
	c.Line(t)
	if got, want := nextWrite(t, w, below), (Write{Path: below, Changes: Membership, PID: c.PID}); got != want {
		t.Errorf("moved: %+v, want %+v", got, want)
	}
	c.Say(t, "go on")
	if line := c.Line(t); line != "" {
		t.Fatal(line)
	}
	if got, want := nextWrite(t, w, below), (Write{Path: below, Changes: changeOf["memory"], PID: c.PID}); got != want {
		t.Errorf("in a cgroup namespace: %+v, want %+v", got, want)
	}

	// Swap has a file of its own, if the kernel counts it.
	swap := home + below + "/memory.swap.max"
	if !unified {
		swap = home + below + "/memory.memsw.limit_in_bytes"
	}
	if _, err := os.Stat(swap); err == nil {
		hosttest.SetFile(t, swap, "110000000")
		if got, want := nextWrite(t, w, below), (Write{Path: below, Changes: SwapLimit, PID: int32(os.Getpid())}); got != want {
			t.Errorf("swap: %+v, want %+v", got, want)
		}
	}
	if list, lost, err := w.Pending(); len(list) > 0 || lost || err != nil {
		t.Errorf("nothing is written, and %+v, %t, %v is reported", list, lost, err)
	}

	// What is gone when its event is read is left out and does no harm, however much there is: here more than are skipped at once.
	w.mostGone = 32
	for i := range w.mostGone + 8 {
		gone := fmt.Sprintf("%s%s/gone%d", home, name, i)
		if err := os.Mkdir(gone, 0o755); err != nil {
			t.Fatal(err)
		}
		hosttest.SetFile(t, gone+"/"+file, "80000000")
		if err := os.Remove(gone); err != nil {
			t.Fatal(err)
		}
	}
	hosttest.SetFile(t, home+below+"/"+file, "70000000")
	if got, want := nextWrite(t, w, below), (Write{Path: below, Changes: changeOf["memory"], PID: int32(os.Getpid())}); got != want {
		t.Errorf("after those: %+v, want %+v", got, want)
	}
	checkOverflow(t, r, layout, byHandle, home+name+"/"+file, home+below+"/"+file)
	ended := make(chan error)
	go func() {
		for { // earlier writes may come first
			if _, _, err := w.Next(); err != nil {
				ended <- err
				return
			}
		}
	}()
	w.Close()
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// checkOverflow writes to more files than the kernel may queue, if the queue can be made short (since 5.13).
func checkOverflow(t *testing.T, r *Reader, layout Layout, byHandle bool, files ...string) {
	t.Helper()
	const most = "/proc/sys/fs/fanotify/max_queued_events"
	before, err := os.ReadFile(most)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	hosttest.SetFile(t, most, "1")
	w, err := r.watchWrites(layout, byHandle)
	hosttest.SetFile(t, most, string(before))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, file := range files {
		hosttest.SetFile(t, file, "60000000")
	}
	for lost := false; !lost; {
		if _, lost, err = w.Next(); err != nil {
			t.Fatal(err)
		}
	}
}
