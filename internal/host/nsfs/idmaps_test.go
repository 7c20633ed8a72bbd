package nsfs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/hosttest"
)

func TestIDMaps(t *testing.T) {
	r, proc := openHost(t, "v2")
	write := func(name, text string) { hosttest.WriteFile(t, filepath.Join(proc, "9", name), text) }
	write("uid_map", "         0     100000      65536\n     65536       1000          1\n")
	write("gid_map", "")
	uids, gids, err := r.IDMaps(9)
	if diff := cmp.Diff([]IDRange{{0, 100000, 65536}, {65536, 1000, 1}}, uids); diff != "" || gids != nil || err != nil {
		t.Errorf("%v, %v %s", gids, err, diff)
	}
	write("gid_map", "         0          0 4294967295\n")
	if _, gids, err := r.IDMaps(9); err != nil || len(gids) != 1 || gids[0].Count != 4294967295 {
		t.Errorf("the host's: %v, %v", gids, err)
	}
	for _, text := range []string{"0 0\n", "0 0 1", "0 0 x\n", "-1 0 1\n", "0 0 4294967296\n", "\n"} {
		write("uid_map", text)
		if uids, _, err := r.IDMaps(9); err == nil {
			t.Errorf("%q: %v", text, uids)
		}
	}
	if _, _, err := r.IDMaps(99); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
}

func TestOutsideID(t *testing.T) {
	ranges := []IDRange{{0, 100000, 10}, {20, 4294967290, 5}}
	for inside, want := range map[uint32]int64{0: 100000, 9: 100009, 10: -1, 19: -1, 20: 4294967290, 24: 4294967294, 25: -1} {
		got, mapped := OutsideID(ranges, inside)
		if mapped != (want >= 0) || mapped && int64(got) != want {
			t.Errorf("%d: %d, %v, want %d", inside, got, mapped, want)
		}
	}
}
