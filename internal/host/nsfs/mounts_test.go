package nsfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
)

func TestNamespaceMounts(t *testing.T) {
	r, proc := openHost(t, "v2")
	got, err := r.Mounts()
	if err != nil {
		t.Fatal(err)
	}
	want := []Mount{
		{Type: event.Net, ID: 4026532321, Point: "/run/docker/netns/ac5f66f4f2f2"},
		{Type: event.UTS, ID: 4026532400, Point: "/run/uts with\\odd\tname"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// If PID 1's mounts cannot be read, nsviz's own are used.
	if err := os.Rename(filepath.Join(proc, "1/mountinfo"), filepath.Join(proc, "self/mountinfo")); err != nil {
		t.Fatal(err)
	}
	if got, err = r.Mounts(); err != nil || !cmp.Equal(want, got) {
		t.Errorf("by self: %v, %v", got, err)
	}
	if err := os.Remove(filepath.Join(proc, "self/mountinfo")); err != nil {
		t.Fatal(err)
	}
	if got, err = r.Mounts(); err == nil || !strings.Contains(err.Error(), "self/mountinfo") {
		t.Errorf("by nothing: %v, %v", got, err)
	}
}

func TestNamespaceMountsAreNamespacesOnly(t *testing.T) {
	const text = "1 2 0:4 net:[5] /a rw - nsfs nsfs rw\n" +
		"1 2 0:4 net:[6] /b rw - tmpfs net:[6] rw\n" + // another file system's root may look like a namespace
		"1 2 0:4 new:[7] /c rw - nsfs nsfs rw\n" +
		"1 2 0:4 / /d rw - nsfs nsfs rw\n" +
		"1 2 0:4 net:[8] /e rw - nsf"
	got := parseNamespaceMounts([]byte(text))
	if want := []Mount{{Type: event.Net, ID: 5, Point: "/a"}}; !cmp.Equal(want, got) {
		t.Errorf("got %v", got)
	}
}

func TestNamespaceMountsOfFiveThousand(t *testing.T) {
	got := parseNamespaceMounts([]byte(hosttest.ManyMounts(5000)))
	if len(got) != 5000 || got[4999] != (Mount{Type: event.Net, ID: 4026536999, Point: "/run/docker/netns/000000001387"}) {
		t.Errorf("%d found, last %v", len(got), got[len(got)-1])
	}
}

// Only what is mounted where `ip netns` does so has a name.
func TestNames(t *testing.T) {
	r, proc := openHost(t, "v2")
	hosttest.WriteFile(t, filepath.Join(proc, "1/mountinfo"), "1 2 0:4 net:[5] /run/netns/blue rw - nsfs nsfs rw\n"+
		"1 2 0:4 net:[6] /var/run/netns/a\\040b rw - nsfs nsfs rw\n1 2 0:4 net:[7] /run/docker/netns/x rw - nsfs nsfs rw\n"+
		"1 2 0:4 net:[8] /run/netns/x/y rw - nsfs nsfs rw\n")
	names, err := r.OpenNames()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(names.Close(), names.Close()); err != nil {
			t.Error(err)
		}
	}()
	var none *Names
	for id, want := range map[uint64]string{5: "blue", 6: "a b", 7: "", 8: "", 9: ""} {
		if got := names.Of(id); got != want || none.Of(id) != "" {
			t.Errorf("%d: %q, want %q", id, got, want)
		}
	}
	if err := none.Close(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(os.Remove(filepath.Join(proc, "1/mountinfo")), os.RemoveAll(filepath.Join(proc, "self"))); err != nil {
		t.Fatal(err)
	}
	if _, err := r.OpenNames(); err == nil {
		t.Error("there are no mounts")
	}
}
