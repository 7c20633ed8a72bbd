package ondisk

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/container"
)

const (
	idA = "5c7ea0a9b3f1d0aa51ed2f2ee1c4f75a4ac8e0a2b7f6a1b6ddf52a0f0a3f9d11"
	idB = "0d36ea0c9b3f1d0aa51ed2f2ee1c4f75a4ac8e0a2b7f6a1b6ddf52a0f0a3f9d2"

	tasksDir = "/run/containerd/io.containerd.runtime.v2.task"
	podmanV  = "/var/lib/containers/storage/overlay-containers"
)

// identify asks a source once.
func identify(t *testing.T, s *Source, id string) (container.Identity, bool) {
	t.Helper()
	if !isID(id) {
		t.Fatalf("%q is no id", id)
	}
	identity, ok := s.identify(t.Context(), id)
	if !ok && s.scanIfDue() {
		identity, ok = s.identify(t.Context(), id)
	}
	return identity, ok
}

// A file that is not what it should be names nothing, and holds nobody up.
func TestBadFiles(t *testing.T) {
	good := `{"annotations":{"nerdctl/name":"forged"}}`
	for name, write := range map[string]func(t *testing.T, path string) error{
		"cut short":       func(_ *testing.T, path string) error { return os.WriteFile(path, []byte(good[:len(good)-3]), 0o644) },
		"empty":           func(_ *testing.T, path string) error { return os.WriteFile(path, nil, 0o644) },
		"nonsense":        func(_ *testing.T, path string) error { return os.WriteFile(path, []byte("\x00\x1b[2J{]"), 0o644) },
		"of another type": func(_ *testing.T, path string) error { return os.WriteFile(path, []byte(`{"annotations":[1]}`), 0o644) },
		"too deep": func(_ *testing.T, path string) error {
			return os.WriteFile(path, []byte(strings.Repeat(`[`, 1<<19)), 0o644)
		},
		"written by others": func(_ *testing.T, path string) error {
			return errors.Join(os.WriteFile(path, []byte(good), 0o644), os.Chmod(path, 0o666))
		},
		"a link out": func(t *testing.T, path string) error {
			secret := filepath.Join(t.TempDir(), "shadow")
			return errors.Join(os.WriteFile(secret, []byte(good), 0o644), os.Symlink(secret, path))
		},
		"a FIFO":   func(_ *testing.T, path string) error { return unix.Mkfifo(path, 0o644) },
		"a folder": func(_ *testing.T, path string) error { return os.Mkdir(path, 0o755) },
		"100 MB": func(_ *testing.T, path string) error {
			return errors.Join(os.WriteFile(path, []byte(good), 0o644), os.Truncate(path, 100<<20))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			if err := write(t, h.mkdir(tasksDir+"/default/web/config.json")); err != nil {
				t.Fatal(err)
			}
			if got, ok := identify(t, h.source(), "web"); ok {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A folder of another one's container that leads elsewhere by a link is not followed out of the root.
func TestBundleThatIsALinkOut(t *testing.T) {
	h := newHost(t)
	elsewhere := t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "config.json"), []byte(`{}`), 0o644); err != nil {
		t.Fatal(err)
	}
	h.link(elsewhere, h.mkdir(tasksDir+"/default/web"))
	if got, ok := identify(t, h.source(), "web"); ok {
		t.Errorf("%+v", got)
	}
}

// A file about another container names nobody.
func TestIDMismatch(t *testing.T) {
	h := newHost(t)
	h.write("/var/lib/docker/containers/"+idA+"/config.v2.json", `{"ID":"`+idB+`","Name":"/web"}`)
	h.write("/run/runc/bare/state.json", `{"id":"other","init_process_pid":2}`)
	for _, id := range []string{idA, "bare"} {
		if got, ok := identify(t, h.source(), id); ok {
			t.Errorf("%+v", got)
		}
	}
}

// Texts are passed on as they are, but for their length.
func TestHostileNames(t *testing.T) {
	h := newHost(t)
	hostile := "\x1b]0;owned\a\x1b[2J\n\r\u202e\u0085../../etc"
	quoted, _ := json.Marshal(hostile)
	h.write("/var/lib/docker/containers/"+idA+"/config.v2.json", `{"ID":"`+idA+`","Name":`+string(quoted)+`,"Config":{"Image":`+string(quoted)+`}}`)
	h.write(tasksDir+"/default/"+idB+"/config.json", `{"annotations":{"nerdctl/name":"`+strings.Repeat("é", container.MaxText)+`"}}`)
	if got, _ := identify(t, h.source(), idA); got.Name != hostile || got.Image != hostile {
		t.Errorf("%+v", got)
	}
	if got, _ := identify(t, h.source(), idB); got.Name != strings.Repeat("é", container.MaxText/2) {
		t.Errorf("a name of %d bytes", len(got.Name))
	}
}

func TestIDs(t *testing.T) {
	for id, want := range map[string]bool{
		idA: true, "web": true, "web-1.2_3+4": true, strings.Repeat("a", 255): true,
		"": false, ".": false, "..": false, ".hidden": false, "a/b": false, "../etc": false, "a\x00": false, "a b": false, "é": false,
		"a\x1b[2J": false, strings.Repeat("a", 256): false,
	} {
		if isID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
	s := newHost(t).source()
	s.Ask("../../etc")
	if len(s.asks.take()) != 0 {
		t.Error("asked about a path")
	}
}

// Files that do not answer hold up one look each, and only one goroutine waits for them.
func TestHangingFiles(t *testing.T) {
	var l lanes
	release := make(chan struct{})
	ended := make(chan struct{})
	if _, err := within(t.Context(), &l, "user 1", func() (int, error) {
		defer close(ended)
		<-release
		return 1, nil
	}); !errors.Is(err, errHangs) {
		t.Error(err)
	}
	if _, err := within(t.Context(), &l, "user 1", func() (int, error) { return 2, nil }); !errors.Is(err, errHangs) {
		t.Errorf("looked again: %v", err)
	}
	if n, err := within(t.Context(), &l, "user 2", func() (int, error) { return 3, nil }); n != 3 || err != nil {
		t.Errorf("the other user: %d, %v", n, err)
	}
	close(release)
	<-ended
	for l.hangs("user 1") { // until the goroutine has said so
		runtime.Gosched()
	}
	if n, err := within(t.Context(), &l, "user 1", func() (int, error) { return 4, nil }); n != 4 || err != nil {
		t.Errorf("once it has ended: %d, %v", n, err)
	}
}

// Two looks into the same folder at a time are none that hang.
func TestLooksBesideEachOther(t *testing.T) {
	var l lanes
	_, err := within(t.Context(), &l, "dir", func() (int, error) {
		return within(t.Context(), &l, "dir", func() (int, error) { return 1, nil })
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAsksAreBounded(t *testing.T) {
	a := newAsks()
	for i := range 3 * maxAsks {
		a.add(string(rune('a'+i%26))+strings.Repeat("x", i/26), i%2 == 0)
	}
	if n := len(a.take()); n != maxAsks {
		t.Errorf("%d questions", n)
	}
	if n := len(a.take()); n != 0 {
		t.Errorf("%d are asked twice", n)
	}
}
