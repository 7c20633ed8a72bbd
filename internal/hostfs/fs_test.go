package hostfs

import (
	"testing"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestOpenDefaults(t *testing.T) {
	f := liveFS(t)
	if f.proc != pseudofs.DefaultProc || f.cgroup != DefaultCgroup {
		t.Errorf("roots are %s and %s", f.proc, f.cgroup)
	}
}
