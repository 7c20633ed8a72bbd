package nsfs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestNamespacePins(t *testing.T) {
	r, proc := openHost(t, "v2")
	dir := filepath.Join(proc, "7")
	for fd, text := range map[string]string{
		"0": "/dev/null", "1": "socket:[21]", "2": "net:[22]", "3": "anon_inode:[pidfd]", "4": "pidfd:[24]", "5": "/", "6": "mnt:[26",
		"70": "user:[27]", "8": "net:[28] (deleted)",
	} {
		hosttest.Link(t, filepath.Join(dir, "fd", fd), text)
	}
	hosttest.WriteNamespaces(t, filepath.Join(dir, "task", "7"), event.NamespaceIDs{11, 12, 13, 14, 15, 16, 17, 18})
	hosttest.WriteNamespaces(t, filepath.Join(dir, "task", "9"), event.NamespaceIDs{11, 12, 33, 14, 35, 16, 17, 18})
	hosttest.Link(t, filepath.Join(dir, "task", "7", "ns", "time_for_children"), "time:[38]")
	hosttest.Link(t, filepath.Join(dir, "task", "9", "ns", "pid_for_children"), "pid:[32]")

	unknown := func(_ event.NamespaceType, id uint64) bool { return id > 20 }
	got, err := r.Pins(7, unknown)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b Pin) int { return int(a.ID) - int(b.ID) })
	want := []Pin{
		{Type: event.Net, ID: 22, Kind: PinFile, PID: 7},
		{Type: event.User, ID: 27, Kind: PinFile, PID: 7},
		{Type: event.PID, ID: 32, Kind: PinChildren, PID: 7, TID: 9},
		{Type: event.Net, ID: 33, Kind: PinThread, PID: 7, TID: 9},
		{Type: event.UTS, ID: 35, Kind: PinThread, PID: 7, TID: 9},
		{Type: event.Time, ID: 38, Kind: PinChildren, PID: 7, TID: 7},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Pin{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, pin := range got {
		if !r.Pinned(pin) {
			t.Errorf("%+v does not hold", pin)
		}
		path := filepath.Join(dir, pin.link)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if r.Pinned(pin) {
			t.Errorf("%+v holds what is not there", pin)
		}
		hosttest.Link(t, path, pin.Type.String()+":[99]")
		if r.Pinned(pin) {
			t.Errorf("%+v holds another one", pin)
		}
	}
	if _, err := r.Pins(8, unknown); !pseudofs.IsGone(err) {
		t.Errorf("of a process that is gone: %v", err)
	}
}

func TestAwaitsFirstChild(t *testing.T) {
	r, proc := openHost(t, "v2")
	task := filepath.Join(proc, "7", "task")
	hosttest.Link(t, filepath.Join(task, "7", "ns", "pid"), "pid:[12]")
	hosttest.Link(t, filepath.Join(task, "7", "ns", "pid_for_children"), "pid:[12]")
	if r.AwaitsFirstChild(7) {
		t.Error("it has unshared nothing")
	}
	hosttest.Link(t, filepath.Join(task, "9", "ns", "pid"), "pid:[12]")
	if !r.AwaitsFirstChild(7) {
		t.Error("its thread 9 has unshared a namespace that has no number yet")
	}
	if r.AwaitsFirstChild(8) {
		t.Error("it is gone")
	}
}

func TestMountPins(t *testing.T) {
	r, proc := openHost(t, "v2")
	text := `99 98 0:4 net:[22] /run/a\040b rw - nsfs nsfs rw
99 98 0:4 / /proc rw - proc proc rw
99 98 0:4 mnt:[23] /run/c rw - nsfs nsfs rw
`
	hosttest.WriteFile(t, filepath.Join(proc, "7", "mountinfo"), text)
	hosttest.WriteFile(t, filepath.Join(proc, "7", "task", "9", "mountinfo"), text)
	for _, tid := range []int32{0, 9} {
		got, err := r.MountPins(7, tid, func(t event.NamespaceType, id uint64) bool { return t == event.Net && id == 22 })
		want := []Pin{{Type: event.Net, ID: 22, Kind: PinMount, PID: 7, TID: tid, Point: "/run/a b"}}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Pin{})); err != nil || diff != "" {
			t.Errorf("thread %d: %v (-want +got):\n%s", tid, err, diff)
		}
		for _, pin := range got {
			if list, err := r.PinRelations(pin, nothing); err == nil || r.Pinned(pin) {
				t.Errorf("a mount elsewhere is not to be reached: %+v, %v", list, err)
			}
		}
	}
	if _, err := r.MountPins(8, 0, everything); !pseudofs.IsGone(err) {
		t.Errorf("of a process that is gone: %v", err)
	}
}
