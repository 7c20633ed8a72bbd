package pseudofs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/host/hosttest"
)

func TestOpenProcRefusesWhatIsNoProcfs(t *testing.T) {
	empty := t.TempDir()
	other := t.TempDir()
	hosttest.WriteFile(t, filepath.Join(other, "stat"), "file system status: fine\n")
	foreign := t.TempDir() // of a PID namespace that this process is not in
	hosttest.WriteFile(t, filepath.Join(foreign, "stat"), "cpu  1 2 3\n")
	if err := os.Symlink("4711", filepath.Join(foreign, "self")); err != nil {
		t.Fatal(err)
	}
	for _, proc := range []string{empty, other, foreign, filepath.Join(empty, "missing")} {
		p, err := OpenProc(proc)
		if p != "" || err == nil {
			t.Errorf("OpenProc(%s) = %v, %v", proc, p, err)
			continue
		}
		for _, want := range []string{proc, "--proc-root"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not tell %q", err, want)
			}
		}
	}
	if _, err := OpenProc(empty); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestOpenProcDefault(t *testing.T) {
	if p, err := OpenProc(""); p != DefaultProc || err != nil {
		t.Errorf("%s, %v", p, err)
	}
}
