package procfs

import (
	"os"
	"testing"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestParsePSS(t *testing.T) {
	for text, want := range map[string]uint64{
		"55d0-7ffc ---p 00000000 00:00 0 [rollup]\nRss:      2000 kB\nPss:      1500 kB\nPss_Dirty:  100 kB\n": 1500 << 10, "": 0,
	} {
		if got, err := parsePSS([]byte(text)); got != want || err != nil {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"Rss: 1 kB\n", "Pss: 1 MB\n", "Pss: -1 kB\n", "Pss:\n", "Pss: 99999999999999999999 kB\n"} {
		if got, err := parsePSS([]byte(text)); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
}

// TestPSSOfThisProcess: it has some memory of its own, and no more than is resident.
func TestPSSOfThisProcess(t *testing.T) {
	r := New(pseudofs.DefaultProc)
	pid := int32(os.Getpid())
	before, err := r.OOMTraits(pid)
	if err != nil {
		t.Fatal(err)
	}
	pss, err := r.PSS(pid)
	if err != nil || pss < 1<<20 || pss > (before.Pages+16<<10)*uint64(os.Getpagesize()) {
		t.Errorf("%d bytes of %d pages, %v", pss, before.Pages, err)
	}
}
