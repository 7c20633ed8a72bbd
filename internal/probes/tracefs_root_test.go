//go:build root

package probes

import (
	"bytes"
	"os"
	"testing"
)

// TestMountTracefs: a tracefs that only this process sees.
func TestMountTracefs(t *testing.T) {
	mounts := func() []byte {
		t.Helper()
		raw, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	before := mounts()
	root, err := mountTracefs()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(mounts(), before) {
		t.Error("the mount is there for all to see")
	}
	id, err := root.ReadFile("events/syscalls/sys_enter_setns/id")
	if err != nil || len(bytes.TrimSpace(id)) == 0 {
		t.Errorf("number of a tracepoint: %q, %v", id, err)
	}
	if err := root.WriteFile("events/syscalls/sys_enter_setns/enable", []byte("0"), 0); err == nil {
		t.Error("it can be written to")
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoSuchTracepoint(t *testing.T) {
	root, err := openTracefs()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if p, err := attachTracepoint(root, "syscalls", "sys_enter_nothing", nil); err == nil {
		t.Error("attached to nothing")
		_ = p.Close()
	}
}
