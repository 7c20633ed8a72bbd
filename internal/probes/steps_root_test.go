//go:build root

package probes

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

// bracket holds the two times between which something happened.
type bracket struct{ before, after uint64 }

// timed does something and takes the time around it.
func timed(do func() error) (bracket, error) {
	b := bracket{before: BootNow()}
	err := do()
	b.after = BootNow()
	return b, err
}

// buildRoot makes a root file system as a runtime does, at dir, and then runs a program that reports what was done when.
// how is "pivot", "chroot" or "move_mount"; without its own mount namespace ("hasMnt") it unshares one.
func buildRoot(how, dir string, hasMnt bool) error {
	var said []string
	step := func(name string, do func() error) error {
		b, err := timed(do)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		said = append(said, fmt.Sprintf("%s %d %d", name, b.before, b.after))
		return nil
	}
	if !hasMnt {
		// One of the host's mounts: no part of the container.
		if err := unix.Mount("/", dir, "", unix.MS_BIND, ""); err != nil {
			return err
		}
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			return err
		}
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return err
		}
	}
	if err := step("mount", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", filepath.Join(dir, "none"), "tmpfs", 0, ""); !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("mount on nothing: %w", err)
	}
	attach := func() error { return unix.Mount("/", dir, "", unix.MS_BIND|unix.MS_REC, "") }
	if how == "move_mount" {
		tree, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE|unix.O_CLOEXEC)
		if err != nil {
			return err
		}
		attach = func() error { return unix.MoveMount(tree, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH) }
	}
	if err := step("mount", attach); err != nil {
		return err
	}
	if err := unix.Chdir(dir); err != nil {
		return err
	}
	if how != "chroot" {
		err := step("pivot_root", func() error { return unix.PivotRoot(".", ".") })
		if errors.Is(err, unix.EINVAL) {
			how = "chroot" // the first root, an initramfs, can only be covered
		} else if err != nil {
			return err
		} else if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
			return err
		}
	}
	if how == "chroot" {
		if err := step("mount", func() error { return unix.Mount(".", "/", "", unix.MS_MOVE, "") }); err != nil {
			return err
		}
		if err := step("chroot", func() error { return unix.Chroot(".") }); err != nil {
			return err
		}
	}
	// Like the mounts that hide parts of /proc.
	if err := unix.Mount("tmpfs", "/proc", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount after the change of the root: %w", err)
	}
	path, err := exec.LookPath("sh")
	if err != nil {
		return err
	}
	return unix.Exec(path, []string{"sh", "-c", "echo '" + strings.Join(said, ", ") + "'; read end"}, []string{"PATH=" + os.Getenv("PATH")})
}

// stepsOfStarts: the steps that the probes report have the times that their author reports, by the same clock.
func stepsOfStarts(t *testing.T, w *watch) {
	for _, how := range []string{"pivot", "chroot", "move_mount", "rootless"} {
		t.Run(how, func(t *testing.T) { stepsOfAStart(t, w.in(t), how) })
	}
}

func stepsOfAStart(t *testing.T, w *watch, how string) {
	var c cgroup
	cgroupMade, _ := timed(func() error {
		c = makeCgroup(t, "container")
		return nil
	})
	cmd := helperCommand("root " + how + " " + t.TempDir())
	if how == "rootless" {
		// As an unprivileged user would: all in a user namespace. The runtime makes them from outside.
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
			UidMappings: []syscall.SysProcIDMap{{HostID: 0, Size: 1}}, GidMappings: []syscall.SysProcIDMap{{HostID: 0, Size: 1}},
		}
	}
	var p *process
	cloned, _ := timed(func() error {
		p = start(t, cmd)
		return nil
	})
	// Start returns during an exec. The process's own must be over before it is in the cgroup, or it counts as the start.
	p.release()
	p.line()
	entered, _ := timed(func() error {
		c.add(p)
		return nil
	})
	p.release()
	brackets := map[string][]bracket{"cgroup": {cgroupMade}, "clone": {cloned}, "entered": {entered}}
	for _, said := range strings.Split(p.line(), ", ") {
		var name string
		var b bracket
		if _, err := fmt.Sscanf(said, "%s %d %d", &name, &b.before, &b.after); err != nil {
			t.Fatalf("%q: %v", said, err)
		}
		brackets[name] = append(brackets[name], b)
	}
	running := BootNow()
	mounts := brackets["mount"]
	delete(brackets, "mount")
	brackets["mounts"], brackets["mounts_last"] = mounts[:1], mounts[len(mounts)-1:]
	brackets["exec"] = []bracket{{mounts[len(mounts)-1].after, running}}

	for _, stream := range w.streams {
		w := w.of(stream)
		e := w.await("starts", 1, of(event.ContainerStarted, c))[0]
		made := e.BootNS - uint64(*e.Start.DurationMS*1e6)
		got, want := map[string]bool{}, map[string]bool{}
		for name := range brackets {
			want[name] = true
		}
		const rounding = 1000 // ns
		for _, phase := range e.Start.Phases {
			got[phase.Name] = true
			when := uint64(int64(made) + int64(phase.AtMS*1e6))
			if b := brackets[phase.Name]; len(b) > 0 && (when+rounding < b[0].before || when > b[0].after+rounding) {
				t.Errorf("from %s on: %s %d ns after boot, it was from %d to %d", w.way, phase.Name, when, b[0].before, b[0].after)
			}
			if n := len(mounts); phase.Name == "mounts_last" && (phase.Count == nil || int(*phase.Count) != n) {
				t.Errorf("from %s on: %v mounts, %d were made", w.way, phase.Count, n)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("from %s on: phases (-done +reported):\n%s", w.way, diff)
		}
	}
	p.release()
	p.wait()
	w.awaitExit(c)
}

// hostsMountsAreNoSteps: mounts in a new cgroup, but in no container's mount namespace, count for no container.
func hostsMountsAreNoSteps(t *testing.T, w *watch) {
	c := makeCgroup(t, "container")
	dir := t.TempDir()
	p := start(t, exec.Command("sh", "-c", `read go; mount --bind / "$0"; umount "$0"; unshare -m sh -c 'echo in; read end'`, dir))
	c.add(p)
	p.release()
	p.line()
	e := w.await("starts", 1, of(event.ContainerStarted, c))[0]
	for _, phase := range e.Start.Phases {
		if phase.Name == event.PhaseMountsLast && (phase.Count == nil || *phase.Count != 1) {
			t.Errorf("%v mounts: unshare makes one private", phase.Count)
		}
	}
	p.release()
	p.wait()
	w.awaitExit(c)
}
