package procfs

import (
	"errors"
	"io"
	"io/fs"
	"os/exec"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestLiveArguments(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	name := "/proc/self/fd/0" // never ends
	cmd := exec.Command("cat", name, strings.Repeat("x", 40))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Wait() // the second file is none
	}()
	// Start returns while the kernel still executes the program, and the process has no arguments yet. Once it passes something on it has.
	if _, err := io.WriteString(in, "."); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	pid := int32(cmd.Process.Pid)
	whole := "cat\x00" + name + "\x00" + strings.Repeat("x", 40) + "\x00"
	for _, test := range []struct {
		most int
		want string
		cut  bool
	}{{4096, whole, false}, {len(whole), whole, false}, {len(whole) - 1, whole[:len(whole)-1], true}, {5, whole[:5], true}} {
		a, err := r.Arguments(pid, test.most)
		if err != nil || string(a.Text) != test.want || a.Cut != test.cut {
			t.Errorf("%d: %q, cut %v, %v", test.most, a.Text, a.Cut, err)
		}
		if started, err := r.StartTime(pid); err != nil || a.StartTime != started {
			t.Errorf("started at %d, %d: %v", a.StartTime, started, err)
		}
	}
	if _, err := r.Arguments(1<<30, 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nobody: %v", err)
	}
}
