package hostfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestInNamespaceCall(t *testing.T) {
	proc := t.TempDir()
	if err := os.WriteFile(filepath.Join(proc, "stat"), []byte("cpu  1 2 3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(proc, "self"), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := Open(Roots{Proc: proc})
	if err != nil {
		t.Fatal(err)
	}
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
		if got := f.InNamespaceCall(int32(tid)); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
	if f.InNamespaceCall(4242) {
		t.Error("it has ended")
	}
}

func TestLiveInNamespaceCall(t *testing.T) {
	f := liveFS(t)
	if f.InNamespaceCall(1 << 30) {
		t.Error("a thread that there is not")
	}
}
