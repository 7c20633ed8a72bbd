package hostfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenRefusesWhatIsNoProcfs(t *testing.T) {
	empty := t.TempDir()
	other := t.TempDir()
	writeFile(t, filepath.Join(other, "stat"), "file system status: fine\n")
	foreign := t.TempDir() // of a PID namespace that this process is not in
	writeFile(t, filepath.Join(foreign, "stat"), "cpu  1 2 3\n")
	if err := os.Symlink("4711", filepath.Join(foreign, "self")); err != nil {
		t.Fatal(err)
	}
	for _, proc := range []string{empty, other, foreign, filepath.Join(empty, "missing")} {
		f, err := Open(Roots{Proc: proc})
		if f != nil || err == nil {
			t.Errorf("Open(%s) = %v, %v", proc, f, err)
			continue
		}
		for _, want := range []string{proc, "--proc-root"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not tell %q", err, want)
			}
		}
	}
	if _, err := Open(Roots{Proc: empty}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestOpenDefaults(t *testing.T) {
	f := liveFS(t)
	if f.proc != DefaultProc || f.cgroup != DefaultCgroup {
		t.Errorf("roots are %s and %s", f.proc, f.cgroup)
	}
}
