package nsfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestInNamespaceCall(t *testing.T) {
	proc := t.TempDir()
	r := New(pseudofs.Proc(proc))
	for tid, test := range []struct {
		name, text string
		want       bool
	}{
		{"it is on a CPU", "running\n", true},
		{"it waits in unshare", fmt.Sprintf("%d 0x40000000 0x0 0x0 0x0 0x0 0x0 0x7ffc 0x7f12\n", unix.SYS_UNSHARE), true},
		{"it waits in setns", fmt.Sprintf("%d 0x3 0x0 0x0 0x0 0x0 0x0 0x7ffc 0x7f12\n", unix.SYS_SETNS), true},
		{"it waits in read", fmt.Sprintf("%d 0x3 0x0 0x0 0x0 0x0 0x0 0x7ffc 0x7f12\n", unix.SYS_READ), false},
		{"it waits for a page", "-1 0x7ffc 0x7f12\n", false},
		{"the kernel does not tell", "", true},
	} {
		dir := filepath.Join(proc, fmt.Sprint(tid))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if test.text != "" {
			if err := os.WriteFile(filepath.Join(dir, "syscall"), []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.InNamespaceCall(int32(tid)); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
	if r.InNamespaceCall(4242) {
		t.Error("it has ended")
	}
}

func TestLiveInNamespaceCall(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	if r.InNamespaceCall(1 << 30) {
		t.Error("a thread that there is not")
	}
}
