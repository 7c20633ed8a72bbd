//go:build root

package pipeline_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
)

// While nobody reads, more processes are killed than the ring of kills holds. The missing kills are reported as lost, and are
// found all the same: the kernel has counted them.
func TestUnobservedKills(t *testing.T) {
	const kills = 32 // more than a page of a ring holds
	hold, held := make(chan struct{}), make(chan struct{})
	holding := false
	p, err := pipeline.New(pipeline.Config{
		Engines:         []engine.Engine{nobody(t)},
		Log:             slog.New(slog.NewTextHandler(t.Output(), nil)),
		UrgentRingBytes: uint32(os.Getpagesize()),
		Sinks: []func(fact.Fact){func(f fact.Fact) {
			if f.Event != nil && f.Event.Type == event.CgroupCreated && f.Event.Cgroup.Container != nil && !holding {
				holding = true
				close(held)
				<-hold
			}
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-p.Attached():
	case err := <-ended:
		t.Fatal(err)
	}

	home := makeContainer(t, 16<<20)
	<-held
	for range kills {
		killOne(t, home)
	}
	close(hold)

	counted, err := resources.In(layout(t)).Memory("/" + filepath.Base(home))
	if err != nil || counted.OOMKills == nil || *counted.OOMKills != kills {
		t.Fatalf("the kernel counted %+v, want %d: %v", counted, kills, err)
	}
	deadline := time.After(patience)
	for {
		s := p.Snapshot()
		var found *model.Container
		for i := range s.Containers {
			if s.Containers[i].ID == filepath.Base(home) {
				found = &s.Containers[i]
			}
		}
		reported := uint64(0)
		for _, k := range s.Kills {
			if c := k.Event.Container; c != nil && c.ID == filepath.Base(home) {
				reported++
			}
		}
		lost := s.Totals.Lost["urgent ring full"] // with what others on this host lost
		if found != nil && found.OOMKillsAtLeast == kills && found.OOMKillsUnobserved != nil && *found.OOMKillsUnobserved == kills-reported && lost >= kills-reported && reported < kills {
			t.Logf("%d kills reported, %d lost and found", reported, lost)
			return
		}
		select {
		case <-p.Changed():
		case <-time.After(time.Second): // as a screen looks
		case <-deadline:
			t.Fatalf("%d kills reported, %d said to be lost, in the container: %+v", reported, lost, found)
		}
	}
}

func layout(t *testing.T) cgroupfs.Layout {
	t.Helper()
	fs, err := host.Open(host.Roots{})
	if err != nil {
		t.Fatal(err)
	}
	layout, err := fs.Cgroups.Layout()
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// makeContainer makes a cgroup that looks like that of a container, with a limit.
func makeContainer(t *testing.T, limitBytes int) (dir string) {
	t.Helper()
	l := layout(t)
	dir = filepath.Join(l.Dir, runtime.DemoPrefix+"unobserved-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	})
	limit(t, dir, limitBytes)
	return dir
}

func limit(t *testing.T, dir string, bytes int) {
	t.Helper()
	file := "memory.max"
	if layout(t).Controller != "" {
		file = "memory.limit_in_bytes"
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(strconv.Itoa(bytes)), 0); err != nil {
		t.Fatal(err)
	}
}

// killOne has the kernel kill a process in a cgroup.
func killOne(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "read line; exec tail /dev/zero")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "\n"); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != unix.SIGKILL {
		t.Fatalf("it ended with %v", cmd.ProcessState)
	}
}
