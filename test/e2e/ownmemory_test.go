//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// ownCgroup is the path of a cgroup with a limit; below it are two without one.
type ownCgroup struct {
	layout      cgroupfs.Layout
	path        string
	inner, side string // directories
}

func makeOwnCgroup(t *testing.T, limit uint64) ownCgroup {
	t.Helper()
	host, err := host.Open(host.Roots{})
	if err != nil {
		t.Fatal(err)
	}
	layout, err := host.Cgroups.Layout()
	if err != nil {
		t.Fatal(err)
	}
	c := ownCgroup{layout: layout, path: "/nsviz-test-own"}
	dir := filepath.Join(layout.Dir, c.path)
	c.inner, c.side = filepath.Join(dir, "inner"), filepath.Join(dir, "side")
	t.Cleanup(func() {
		for _, d := range []string{c.inner, c.side, dir} {
			eventually(t, func() bool { err := os.Remove(d); return err == nil || errors.Is(err, os.ErrNotExist) }, func() string { return d })
		}
	})
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := "memory.limit_in_bytes"
	if layout.Controller == "" {
		file = "memory.max"
		write("cgroup.subtree_control", "+memory")
	}
	write(file, strconv.FormatUint(limit, 10))
	for _, d := range []string{c.inner, c.side} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// in runs a command in a cgroup.
func (c ownCgroup) in(dir string, command ...string) *exec.Cmd {
	return exec.Command("sh", slices.Concat([]string{"-c", `echo $$ >"$0/cgroup.procs" && exec "$@"`, dir}, command)...)
}

// nsviz keeps to the limit of a cgroup above its own. When that is nearly full, nsviz warns, saves memory and reports how; when
// there is room again, it is as before. A limit that the user set for the Go runtime is left alone.
func TestOwnMemory(t *testing.T) {
	const limit = 64 << 20
	c := makeOwnCgroup(t, limit)
	serve := func(env ...string) (*process, string) {
		address := freeAddress(t)
		cmd := c.in(c.inner, binary(), "serve", "--web.listen-address", address)
		cmd.Env = append(os.Environ(), env...)
		p := startBy(t, newLines(), cmd)
		p.stderr.await(t, "watching")
		return p, address
	}
	p, address := serve("GOMEMLIMIT=50MiB")
	if got := metrics(t, address)["go_gc_gomemlimit_bytes"]; got != "5.24288e+07" {
		t.Errorf("the user's GOMEMLIMIT is %s then", got)
	}
	p.stop(t)

	p, address = serve()
	p.stderr.await(t, "GOMEMLIMIT=60397974 limit_bytes=67108864")
	samples := metrics(t, address)
	if samples["go_gc_gomemlimit_bytes"] != "6.0397974e+07" || samples["nsviz_memory_saving_step"] != "0" || samples[`nsviz_memory_saving_steps_total{step="past"}`] != "0" {
		t.Errorf("at first: %v", samples)
	}
	stdout, _, code := outcome(t, c.in(c.inner, binary(), "doctor"))
	if want := "limit of 64 MiB of the cgroup " + c.path + ", the Go runtime keeps to 57.6 MiB; nsviz needs about "; code != 0 || !strings.Contains(stdout, want) {
		t.Errorf("doctor: exit code %d, want %q in\n%s", code, want, stdout)
	}

	// Others below the limit take its remaining memory up to 84 %, also what nsviz gives back then.
	filler, err := os.CreateTemp("/dev/shm", "nsviz-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(filler.Name()) })
	if err := filler.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		rooms, err := resources.In(c.layout).MemoryRooms(c.path)
		if err != nil || len(rooms) != 1 {
			t.Fatalf("%+v, %v", rooms, err)
		}
		if used, wanted := rooms[0].WorkingSetBytes, uint64(limit/100*84); used < wanted {
			fill := c.in(c.side, "sh", "-c", fmt.Sprintf("head -c %d /dev/zero >>%s", wanted-used, filler.Name()))
			if out, err := fill.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		samples = metrics(t, address)
		return samples["nsviz_memory_saving_step"] != "0" && samples[`nsviz_memory_saving_steps_total{step="past"}`] != "0"
	}, func() string { return fmt.Sprint(samples) })
	p.stderr.await(t, "the OOM killer may take nsviz soon: nsviz's own cgroup is nearly full, so nsviz keeps less")

	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	p.stderr.await(t, "has room again")
	eventually(t, func() bool { return metrics(t, address)["nsviz_memory_saving_step"] == "0" }, func() string { return p.stderr.String() })
}
