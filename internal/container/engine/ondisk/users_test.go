package ondisk

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// A user has a source once a runtime of his has files, and until it has none.
func TestUsersAreFound(t *testing.T) {
	uid := os.Getuid()
	if uid == 0 { // root's own containers are the host's
		uid = 1000
	}
	h := newHost(t)
	u := newUsers(Config{Proc: h.source().cfg.Proc}, h.source())
	if got := u.Find(); len(got) != 0 {
		t.Errorf("without a user: %d sources", len(got))
	}
	own := fmt.Sprintf("/run/user/%d", uid)
	h.write(own+"/bus/x", "")
	h.write("/run/user/4000000/crun/x", "") // a folder that is somebody else's
	h.write("/run/user/0/crun/x", "")
	h.write("/run/user/name/crun/x", "")
	if err := os.Chown(filepath.Join(h.dir, own), uid, -1); err != nil {
		t.Fatal(err)
	}
	if got := u.Find(); len(got) != 0 {
		t.Errorf("without a runtime: %d sources", len(got))
	}
	h.write(own+"/libpod/tmp/x", "")
	first := u.Find()
	if len(first) != 1 || first[0].User() != uint32(uid) {
		t.Fatalf("%v", first)
	}
	if again := u.Find(); len(again) != 1 || again[0] != first[0] {
		t.Error("another source for the same user")
	}
	if err := os.RemoveAll(filepath.Join(h.dir, own)); err != nil {
		t.Fatal(err)
	}
	if got := u.Find(); len(got) != 0 {
		t.Errorf("the user is gone: %d sources", len(got))
	}
}

// A user whose runtime has its files elsewhere has a source for as long as there is a monitor of his.
func TestUsersAreFoundByMonitors(t *testing.T) {
	h := newHost(t)
	h.process(20, "sleep", 1001, "20", "sleep")
	h.process(21, "conmon", 0, "21", conmonLine(idA, "web", "/srv/graph")...)
	h.process(22, "conmon", 1002, "22 5", conmonLine(idA, "web", "/srv/graph")...) // in a container
	u := newUsers(Config{Proc: h.source().cfg.Proc}, h.source())
	if got := u.Find(); len(got) != 0 {
		t.Errorf("without a user's monitor: %d sources", len(got))
	}
	h.process(23, "conmon", 1003, "23", conmonLine(idA, "web", "/srv/graph")...)
	h.process(24, "containerd-shim", 1001, "24", "/bin/containerd-shim-runc-v2", "-id", "job")
	h.process(25, "conmon", 1003, "25", conmonLine(idB, "db", "/srv/graph")...)
	var uids []uint32
	for _, one := range u.Find() {
		uids = append(uids, one.User())
	}
	if !slices.Equal(uids, []uint32{1001, 1003}) {
		t.Errorf("sources of %d", uids)
	}
	for pid := 23; pid <= 25; pid++ {
		if err := os.RemoveAll(filepath.Join(h.proc, fmt.Sprint(pid))); err != nil {
			t.Fatal(err)
		}
	}
	if got := u.Find(); len(got) != 0 {
		t.Errorf("the monitors are gone: %d sources", len(got))
	}
}

// The PID 1 of a user's container is the child of its monitor that the monitor's file names, and nothing else.
func TestInitsOfAUser(t *testing.T) {
	self := uint32(os.Getuid())
	h := newHost(t)
	monitor := func(pid int, id, pidFile string) {
		h.process(pid, "conmon", self, fmt.Sprint(pid), "conmon", "-c", id, "-n", "web", "-p", pidFile)
	}
	ids := map[string]string{}
	for i, what := range []string{"right", "of another process", "of a process that is gone", "without a file", "of no number", "not an id", "known"} {
		ids[what] = strings.Repeat(fmt.Sprint(i), 64)
	}
	ids["not an id"] = "web"
	for i, what := range []string{"right", "of another process", "of a process that is gone", "without a file", "of no number", "not an id", "known"} {
		monitor(20+i, ids[what], fmt.Sprintf("/tmp/%d/pidfile", i))
	}
	for i, text := range map[int]string{0: "50", 1: "51\n", 2: "52", 4: "x", 5: "55", 6: "56"} {
		h.write(fmt.Sprintf("/tmp/%d/pidfile", i), text)
	}
	for pid, parent := range map[int]int{50: 20, 51: 1, 55: 25, 56: 26} {
		h.process(pid, "app", self, fmt.Sprintf("%d 1", pid), "app")
		h.child(pid, parent)
	}
	// A shim's is in its bundle.
	ofShim := strings.Repeat("a", 64)
	h.process(30, "containerd-shim", self, "30", "/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", ofShim)
	h.link("/home/u/io.containerd.runtime.v2.task/moby/"+ofShim, filepath.Join(h.proc, "30", "cwd"))
	h.write("/home/u/io.containerd.runtime.v2.task/moby/"+ofShim+"/config.json", `{}`)
	h.write("/home/u/io.containerd.runtime.v2.task/moby/"+ofShim+"/init.pid", "57")
	h.process(57, "app", self, "57 1", "app")
	h.child(57, 30)

	s := newSource(Config{Proc: pseudofs.Proc(h.proc), User: 1000}, self)
	got, err := s.Inits(t.Context(), func(id string) bool { return id == ids["known"] })
	want := map[string]engine.Init{ids["right"]: {PID: 50, Runtime: "podman"}, ofShim: {PID: 57, Runtime: "docker"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Of the processes of the host only those are looked at again that may be monitors by now.
func TestScannerRemembers(t *testing.T) {
	h := newHost(t)
	h.process(20, "sleep", 0, "20", "sleep")
	s := &scanner{proc: h.source().proc, keep: keepOthers}
	names := func() (list []string) {
		t.Helper()
		found, err := s.inCharge()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range found {
			list = append(list, fmt.Sprint(p.comm, p.PID))
		}
		return list
	}
	if got := names(); len(got) != 0 {
		t.Errorf("%v", got)
	}
	rename := func() {
		if err := os.WriteFile(filepath.Join(h.proc, "20", "comm"), []byte("conmon\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rename()
	h.process(21, "conmon", 0, "21", "conmon")
	if got := names(); !slices.Equal(got, []string{"conmon21"}) {
		t.Errorf("%v", got)
	}
	s.until = s.until.Add(-keepOthers - scanPatience*keepOthers)
	if got := names(); !slices.Equal(got, []string{"conmon20", "conmon21"}) {
		t.Errorf("later: %v", got)
	}
}
