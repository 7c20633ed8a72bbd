package nsfs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/test/lsns"
)

func TestNamespaces(t *testing.T) {
	r, proc := openHost(t, "v2")
	want := event.NamespaceIDs{11, 12, 13, 14, 15, 16, 17, 0} // a kernel without time namespaces
	hosttest.WriteNamespaces(t, filepath.Join(proc, "7"), want)
	if got, err := r.Of(7); got != want || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	hosttest.WriteNamespaces(t, filepath.Join(proc, "8"), event.NamespaceIDs{})
	if got, err := r.Of(8); !got.IsZero() || err != nil {
		t.Errorf("with nothing to read: %v, %v", got, err)
	}
	if _, err := r.Of(2); !errors.Is(err, fs.ErrNotExist) { // it has no ns directory
		t.Errorf("gone: %v", err)
	}
}

func TestNamespacesRefusesWhatIsNone(t *testing.T) {
	for link, text := range map[string]string{
		"net": "mnt:[4026531840]", // the kernel never writes that
		"mnt": "mnt:[4026531840",
		"pid": "/etc/passwd",
		"uts": strings.Repeat("uts", 100),
	} {
		r, proc := openHost(t, "v2")
		if err := os.Mkdir(filepath.Join(proc, "1", "ns"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(text, filepath.Join(proc, "1", "ns", link)); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Of(1); err == nil || !strings.Contains(err.Error(), "/1/ns/"+link) {
			t.Errorf("%s: %v, %v", link, got, err)
		}
	}
}

func TestParseNamespaceLink(t *testing.T) {
	kind, id, err := parseNamespaceLink([]byte("cgroup:[4026531835]"))
	if kind != event.CgroupNS || id != 4026531835 || err != nil {
		t.Errorf("%v, %d, %v", kind, id, err)
	}
	for _, text := range []string{
		"", "net", "net:", "net:[", "net:[]", "net:[1", "net:1]", "net:[-1]", "net:[x]", "net:[1]]", ":[1]", "foo:[1]",
		"net:[18446744073709551616]", "pid_for_children:[1]", " net:[1]",
	} {
		if kind, id, err := parseNamespaceLink([]byte(text)); err == nil {
			t.Errorf("%q: %v, %d", text, kind, id)
		}
	}
}

// TestLiveNamespacesAgreeWithLsns compares the namespaces of this process and a child with those that lsns(8) lists.
func TestLiveNamespacesAgreeWithLsns(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	for _, pid := range []int32{int32(os.Getpid()), hosttest.Start(t, nil, "cat").PID} {
		got, err := r.Of(pid)
		if err != nil {
			t.Fatal(err)
		}
		want := lsnsOf(t, pid)
		if got != want {
			t.Errorf("PID %d: %v, lsns says %v", pid, got, want)
		}
	}
}

// lsnsOf asks lsns for the namespaces of one process.
func lsnsOf(t testing.TB, pid int32) (ids event.NamespaceIDs) {
	t.Helper()
	out := lsns.Output(t, "-n", "-o", "NS,TYPE,PID", "-p", strconv.Itoa(int(pid)))
	for line := range bytes.Lines(out) {
		fields := strings.Fields(string(line))
		kind, err := event.ParseNamespaceType(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		if ids[kind], err = strconv.ParseUint(fields[0], 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// TestLiveRelations reads the relations of this process's namespaces. An owner is its own user namespace or out of sight; the
// parents are out of sight.
func TestLiveRelations(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	pid := int32(os.Getpid())
	ids, err := r.Of(pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range event.NamespaceTypes() {
		if ids[kind] == 0 {
			continue
		}
		list, err := r.Relations(pid, kind, nothing)
		if err != nil || len(list) == 0 || list[0].Type != kind || list[0].ID != ids[kind] {
			t.Errorf("%s: %+v, %v", kind, list, err)
			continue
		}
		owner, parent := list[0].Owner, list[0].Parent
		if owner != 0 && owner != ids[event.User] {
			t.Errorf("%s is owned by %d, this process is in %d", kind, owner, ids[event.User])
		}
		if parent != 0 {
			t.Errorf("%s has the parent %d, which is not in sight", kind, parent)
		}
	}
	if _, err := r.Relations(pid, event.NamespaceTypeCount, nothing); err == nil {
		t.Error("no such type, and no error")
	}
}

func TestRelationsOfWhatIsNoNamespace(t *testing.T) {
	r, proc := openHost(t, "v2")
	hosttest.WriteFile(t, filepath.Join(proc, "1", "ns", "net"), "")
	if list, err := r.Relations(1, event.Net, nothing); err == nil {
		t.Errorf("%+v", list)
	}
}

// nothing reports every id as unknown.
func nothing(uint64) bool { return false }

// everything reports every namespace as wanted.
func everything(event.NamespaceType, uint64) bool { return true }
