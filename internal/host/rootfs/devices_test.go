package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// A test without privileges cannot make device nodes: the end-to-end tests look at those of containers.
func TestDevicesOfNobody(t *testing.T) {
	proc, _ := hosttest.Unpack(t, "v2")
	r := New(pseudofs.Proc(proc))
	mounts := []mountinfo.Mount{{Point: "/", FSType: "overlay"}, {Point: "/dev", FSType: "tmpfs"}}
	root := filepath.Join(proc, "9", "root")
	hosttest.WriteFile(t, filepath.Join(root, "dev", "null"), "no device")
	if got, err := r.Devices(9, mounts); len(got) != 0 || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := r.Devices(99, mounts); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
	if _, err := r.Devices(9, []mountinfo.Mount{{Point: "/", FSType: "overlay"}, {Point: "/dev", FSType: "fuse.trap"}}); err == nil {
		t.Error("a FUSE was asked")
	}
	// A link out of the container leads nowhere.
	if err := os.RemoveAll(filepath.Join(root, "dev")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev", filepath.Join(root, "dev")); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Devices(9, mounts); err == nil || len(got) != 0 {
		t.Errorf("through a link out: %+v", got)
	}
}
