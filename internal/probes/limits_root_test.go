//go:build root

package probes

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// pidsDir is the folder of a new cgroup in the hierarchy that limits processes: the container's own, or one of v1.
func pidsDir(t *testing.T, c cgroup) string {
	t.Helper()
	layout := hostLayout(t)
	if layout.Controller == "" {
		// Others may have switched it on already.
		cgroup{t: t, path: "/", dir: layout.Dir}.write("cgroup.subtree_control", "+pids")
		return c.dir
	}
	dir := filepath.Join(layout.Others["pids"].Dir, fmt.Sprintf("nsviz-test-%d-pids", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// containerRefusedProcesses: the end of a container has the number of processes that it was refused, even if nobody has read
// that before. It is compared with the kernel's own file.
func containerRefusedProcesses(t *testing.T, w *watch) {
	c := makeCgroup(t, "container")
	p := startHelper(t, "contain exec 2>/dev/null; echo in; read go; i=0; while [ $i -lt 3 ]; do ( : ) & i=$((i+1)); done; exit 7")
	dir := pidsDir(t, c)
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	c.add(p)
	write("cgroup.procs", strconv.Itoa(int(p.pid)))
	p.release()
	p.line()
	write("pids.max", "1")
	p.release()
	p.wait()
	exit := w.await("exits", 1, of(event.ContainerExited, c))[0]
	text, err := os.ReadFile(filepath.Join(dir, "pids.events"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	got := exit.Exit.PIDsRefused
	if got == nil || *got == 0 || first != fmt.Sprintf("max %d", *got) {
		t.Errorf("refused %v, the kernel says %q", got, first)
	}
}

// containerWithoutPIDs: if the controller of processes has no state for a cgroup, refusals there are unknown; the count of a
// cgroup above is not the container's.
func containerWithoutPIDs(t *testing.T, w *watch) {
	above := makeCgroup(t, "above")
	c := makeCgroupIn(t, above.path, "container")
	p := startHelper(t, "contain exit 0")
	c.add(p)
	p.release()
	p.wait()
	if exit := w.await("exits", 1, of(event.ContainerExited, c))[0]; exit.Exit.PIDsRefused != nil {
		t.Errorf("refused %d", *exit.Exit.PIDsRefused)
	}
}

// containerInitMoved: the PID 1 of a container is moved out of its cgroup, and back. It still belongs to the container.
func containerInitMoved(t *testing.T, w *watch) {
	p, c := contain(t, w, "echo in; read end; exit 3")
	p.line()
	w.await("starts", 1, of(event.ContainerStarted, c))
	elsewhere := makeCgroup(t, "elsewhere")
	for i, to := range []cgroup{elsewhere, c} {
		to.add(p)
		moves := w.await("moves", i+1, func(e event.Event) bool { return e.Type == event.InitMoved && e.Moved.PID == p.pid })
		e := moves[i]
		if e.PID != int32(os.Getpid()) || e.Moved.HomeID != c.id || e.Moved.ToID != to.id {
			t.Errorf("%d moved it from %d to %d, want %d from %d to %d", e.PID, e.Moved.HomeID, e.Moved.ToID, os.Getpid(), c.id, to.id)
		}
	}
	elsewhere.add(p)
	p.release()
	p.wait()
	if exit := w.awaitExit(c); exit.PID != p.pid || *exit.Exit.Code != 3 {
		t.Errorf("%d: %+v", exit.PID, exit.Exit)
	}
}
