package nsfs

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/host/hosttest"
)

func TestTimeOffsets(t *testing.T) {
	r, proc := openHost(t, "v2")
	write := func(text string) { hosttest.WriteFile(t, filepath.Join(proc, "9", "timens_offsets"), text) }
	for text, want := range map[string]TimeOffsets{
		"monotonic           0         0\nboottime            0         0\n": {},
		"monotonic       86400 500000000\nboottime          -2 500000000\n":  {86400*time.Second + 500*time.Millisecond, -1500 * time.Millisecond},
		"1 1 0\n7 2 0\n9 x y z\n"[:12]:                                       {time.Second, 2 * time.Second},
		"monotonic 4294967295 999999999\nboottime -4294967296 0\n":           {4294967295*time.Second + 999999999, -4294967296 * time.Second},
	} {
		write(text)
		if got, err := r.TimeOffsets(9); got != want || err != nil {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "monotonic 0 0\n", "monotonic 0 0\nboottime 0", "monotonic 0\nboottime 0 0\n", "monotonic x 0\nboottime 0 0\n", "monotonic 0 -1\nboottime 0 0\n"} {
		write(text)
		if got, err := r.TimeOffsets(9); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
	if _, err := r.TimeOffsets(99); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
}
