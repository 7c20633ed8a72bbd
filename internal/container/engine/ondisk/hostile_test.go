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

// stateFile is a file that names a container, with all others that this needs.
type stateFile struct {
	id, path, content string
	others            map[string]string
}

// stateFiles returns one of each layout.
func stateFiles() []stateFile {
	const config, list = podmanV + "/" + idA + "/userdata/config.json", podmanV + "/containers.json"
	const stored = `[{"id":"` + idA + `","names":["forged"]}]`
	return []stateFile{
		{"web", tasksDir + "/default/web/config.json", `{"annotations":{"nerdctl/name":"forged"}}`, nil},
		{idA, "/var/lib/docker/containers/" + idA + "/config.v2.json", `{"ID":"` + idA + `","Name":"/forged"}`, nil},
		{idA, config, `{"hostname":"forged"}`, map[string]string{list: stored}},
		{idA, list, stored, map[string]string{config: `{"hostname":"forged"}`}},
		{"bare", "/run/runc/bare/state.json", `{"id":"bare","init_process_pid":2}`, nil},
		{"bare", "/run/crun/bare/status", `{"pid":2,"bundle":"/work"}`, nil},
	}
}

// put makes what is around a file, and returns its path outside of the host.
func (f stateFile) put(h *testHost) string {
	h.t.Helper()
	for path, content := range f.others {
		h.write(path, content)
	}
	return h.mkdir(f.path)
}

// A file that is not what it should be names nothing, and holds nobody up.
func TestBadFiles(t *testing.T) {
	type write func(t *testing.T, f stateFile, path string) error
	content := func(change func(good string) string) write {
		return func(_ *testing.T, f stateFile, path string) error {
			return os.WriteFile(path, []byte(change(f.content)), 0o644)
		}
	}
	good := content(func(good string) string { return good })
	for _, file := range stateFiles() {
		t.Run(file.path, func(t *testing.T) {
			h := newHost(t)
			if err := good(t, file, file.put(h)); err != nil {
				t.Fatal(err)
			}
			if got, ok := identify(t, h.source(), file.id); !ok {
				t.Fatalf("the good one names nothing: %+v", got)
			}
			for name, write := range map[string]write{
				"cut short":       content(func(good string) string { return good[:len(good)/2] }),
				"cut at the end":  content(func(good string) string { return good[:len(good)-1] }),
				"empty":           content(func(string) string { return "" }),
				"nonsense":        content(func(string) string { return "\x00\x1b[2J{]" }),
				"of another type": content(func(string) string { return `{"id":[1],"ID":[1],"annotations":[1],"pid":"x"}` }),
				"too deep":        content(func(string) string { return strings.Repeat(`[`, 1<<19) }),
				"written by others": func(t *testing.T, f stateFile, path string) error {
					return errors.Join(good(t, f, path), os.Chmod(path, 0o666))
				},
				"a link out": func(t *testing.T, f stateFile, path string) error {
					secret := filepath.Join(t.TempDir(), "shadow")
					return errors.Join(good(t, f, secret), os.Symlink(secret, path))
				},
				"a link to a device": func(_ *testing.T, _ stateFile, path string) error { return os.Symlink("/dev/zero", path) },
				"a link to itself":   func(_ *testing.T, _ stateFile, path string) error { return os.Symlink(filepath.Base(path), path) },
				"a FIFO":             func(_ *testing.T, _ stateFile, path string) error { return unix.Mkfifo(path, 0o644) },
				"a socket":           func(_ *testing.T, _ stateFile, path string) error { return unix.Mknod(path, unix.S_IFSOCK|0o644, 0) },
				"a folder":           func(_ *testing.T, _ stateFile, path string) error { return os.Mkdir(path, 0o755) },
				"100 MB": func(t *testing.T, f stateFile, path string) error {
					return errors.Join(good(t, f, path), os.Truncate(path, 100<<20))
				},
			} {
				t.Run(name, func(t *testing.T) {
					h := newHost(t)
					if err := write(t, file, file.put(h)); err != nil {
						t.Fatal(err)
					}
					if got, ok := identify(t, h.source(), file.id); ok {
						t.Errorf("%+v", got)
					}
				})
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

// Texts are passed on as they are, but for their length, whatever file or command line they are from: those who show them make them safe.
func TestHostileNames(t *testing.T) {
	const hostile = "\x1b]0;owned\a\x1b[2J\n\r\u202e\u0085../../etc"
	// JSON cannot hold half a rune; decoding replaces it.
	for what, text := range map[string]string{"hostile": hostile, "half a rune": "x\xe2\x82", "long": strings.Repeat("é", container.MaxText), "long line": strings.Repeat("a\n", 2*container.MaxText)} {
		t.Run(what, func(t *testing.T) {
			want := container.Cut(strings.ToValidUTF8(text, "\ufffd\ufffd"))
			if len(want) > container.MaxText {
				t.Fatalf("cut to %d bytes", len(want))
			}
			quoted, err := json.Marshal(map[string]string{"": text})
			if err != nil {
				t.Fatal(err)
			}
			value := strings.TrimSuffix(strings.TrimPrefix(string(quoted), `{"":`), "}")
			if what == "half a rune" { // which the encoder would have replaced
				value = `"` + text + `"`
			}
			kube := container.Cut("bank/pay/" + strings.ToValidUTF8(text, "\ufffd\ufffd"))
			for file, c := range map[string]struct {
				content string
				name    string
				of      func(container.Identity) []string // further texts, which are to be want
				others  map[string]string
			}{
				"/var/lib/docker/containers/" + idA + "/config.v2.json": {
					content: `{"ID":"` + idA + `","Name":` + value + `,"Config":{"Image":` + value + `}}`,
					name:    want, of: func(i container.Identity) []string { return []string{i.Image} },
				},
				tasksDir + "/default/" + idA + "/config.json": {content: `{"annotations":{"nerdctl/name":` + value + `}}`, name: want},
				tasksDir + "/k8s.io/" + idA + "/config.json": {
					content: `{"annotations":{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.sandbox-name":"pay","io.kubernetes.cri.sandbox-namespace":"bank",` +
						`"io.kubernetes.cri.container-name":` + value + `,"io.kubernetes.cri.image-name":` + value + `}}`,
					name: kube, of: func(i container.Identity) []string { return []string{i.Image, i.Group.Member} },
				},
				podmanV + "/" + idA + "/userdata/config.json": {
					content: `{"annotations":{"io.container.manager":"cri-o","io.kubernetes.pod.name":"pay","io.kubernetes.pod.namespace":"bank",` +
						`"io.kubernetes.container.name":` + value + `,"io.kubernetes.cri-o.ImageName":` + value + `}}`,
					name: kube, of: func(i container.Identity) []string { return []string{i.Image, i.Group.Member} },
				},
				podmanV + "/containers.json": {
					content: `[{"id":"` + idA + `","names":[` + value + `]}]`, name: want,
					others: map[string]string{podmanV + "/" + idA + "/userdata/config.json": `{}`},
				},
			} {
				h := newHost(t)
				for path, content := range c.others {
					h.write(path, content)
				}
				h.write(file, c.content)
				got, ok := identify(t, h.source(), idA)
				if !ok || got.Name != c.name {
					t.Errorf("%s: %v, %.100q, want %.100q", file, ok, got.Name, c.name)
					continue
				}
				if c.of != nil {
					for _, text := range c.of(got) {
						if text != want {
							t.Errorf("%s: %.100q, want %.100q", file, text, want)
						}
					}
				}
			}
			h := newHost(t)
			h.process(70, "conmon", uint32(os.Getuid()), "70", "/usr/bin/conmon", "-c", idA, "-n", text)
			if got, ok := identify(t, h.source(), idA); !ok || got.Name != container.Cut(text) {
				t.Errorf("conmon: %v, %.100q", ok, got.Name)
			}
		})
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
