package ondisk

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
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
