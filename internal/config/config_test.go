package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var keys = []Key{{"theme", Text}, {"columns", List}, {"keys", Table}}

func write(t *testing.T, contents string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(contents), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	path := write(t, "# mine\ntheme: &t dark # text\ncolumns: [name, *t]\nkeys:\n  filter: F\n  quit: [x, *t]\n  map: []\n")
	got, err := Read(path, true, keys)
	if err != nil {
		t.Fatal(err)
	}
	want := []Setting{
		{Key: keys[0], Values: []string{"dark"}, At: Place{path, 2, 8}},
		{Key: keys[1], Values: []string{"name", "dark"}, At: Place{path, 3, 10}},
		{Key: keys[2], At: Place{path, 5, 3}, Entries: []Entry{
			{"filter", Place{path, 5, 3}, []string{"F"}, []Place{{path, 5, 11}}},
			{"quit", Place{path, 6, 3}, []string{"x", "dark"}, []Place{{path, 6, 10}, {path, 6, 13}}},
			{"map", Place{path, 7, 3}, []string{}, nil},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, empty := range []string{"", "\n", "# only\n# comments\n", "---\n", "{}"} {
		if got, err := Read(write(t, empty), true, keys); err != nil || len(got) > 0 {
			t.Errorf("%q: %v, %v", empty, got, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	for contents, says := range map[string]string{
		"colunms: [a]":                         `:1:1: no key is called "colunms"; did you mean columns?`,
		"theme: a\n theme: b":                  ":2:1: ",
		"theme: a\ntheme: b":                   ":2:1: theme is set twice, also in line 1",
		"theme: [a]":                           ":1:8: theme: want a single value",
		"theme: ~":                             "theme: want a value",
		"columns: [[a]]":                       "columns: want single values, not what is in line 1",
		"columns: {a: b}":                      "columns: want a list",
		"keys: [a]":                            "keys: want lines such as NAME: VALUE",
		"keys: {a: b, c: d, a: e}":             ":1:20: keys: a is set twice, also in line 1",
		"keys: {a: {b: c}}":                    ":1:11: keys: a: want a list, such as [a, b]",
		"keys:\n  a: ~":                        ":2:6: keys: a: want a value",
		"keys: {[a]: b}":                       ":1:8: keys: want a name",
		"keys:\n  a: [b, [c]]":                 ":2:6: keys: a: want single values, not what is in line 2",
		"[theme]: a":                           ":1:1: want the name of a key",
		"theme: *unknown":                      "unknown anchor",
		"columns: &a [*a]":                     "columns: want single values",
		"\t":                                   "found character that cannot start any token",
		"theme: \xff":                          "invalid leading UTF-8",
		"theme: a\n---\ntheme: b":              ":2:1: a second document",
		strings.Repeat("[", 20000):             "exceeded max depth",
		"theme: " + strings.Repeat("x", 2<<20): "longer than",
	} {
		path := write(t, contents)
		_, err := Read(path, true, keys)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.40q: %v, want %s", contents, err, says)
		}
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(fifo, true, keys); err == nil {
		t.Error("a FIFO is read")
	}
	missing := filepath.Join(t.TempDir(), "none")
	if _, err := Read(missing, true, keys); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if got, err := Read(missing, false, keys); err != nil || got != nil {
		t.Errorf("a missing file that need not be there: %v, %v", got, err)
	}
}

func TestChange(t *testing.T) {
	for _, tt := range []struct {
		name, before, after string
		changes             []Setting
	}{
		{"a new file", "", "theme: dark\ncolumns: [name, \"1\"]\n", []Setting{{Key: keys[0], Values: []string{"dark"}}, {Key: keys[1], Values: []string{"name", "1"}}}},
		{
			"all else stays", "# mine\n\n# what I like\ntheme: light # at noon\nkeys:\n  quit: x\n",
			"# mine\n\n# what I like\ntheme: dark # at noon\nkeys:\n  quit: x\ncolumns: [a]\n",
			[]Setting{{Key: keys[0], Values: []string{"dark"}}, {Key: keys[1], Values: []string{"a"}}},
		},
		{"a key is removed", "theme: a\ncolumns: [b]\n", "columns: [b]\n", []Setting{{Key: keys[0]}}},
		{"the last key is removed", "theme: a\n", "", []Setting{{Key: keys[0]}}},
		{"a list of lines becomes one line", "columns:\n  - a\n  - b\n", "columns: [c]\n", []Setting{{Key: keys[1], Values: []string{"c"}}}},
		{"comments alone", "# mine\n", "theme: yes\n# mine\n", []Setting{{Key: keys[0], Values: []string{"yes"}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.before)
			for range 2 { // the second time changes nothing
				if err := Change(path, tt.changes); err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(path)
				if err != nil || string(got) != tt.after {
					t.Errorf("got %q, %v\nwant %q", got, err, tt.after)
				}
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the rights are %v, %v", info, err)
			}
			if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestChangeKeepsABrokenFile(t *testing.T) {
	const broken = "theme: [\n"
	path := write(t, broken)
	if err := Change(path, []Setting{{Key: keys[0], Values: []string{"dark"}}}); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != broken {
		t.Errorf("%q, %v", got, err)
	}
}

func TestChangeMakesDirectoriesAndFollowsLinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "config.yaml")
	change := []Setting{{Key: keys[0], Values: []string{"dark"}}}
	if err := Change(path, change); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	change[0].Values[0] = "light"
	if err := Change(link, change); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "theme: light\n" {
		t.Errorf("%q, %v", got, err)
	}
}

// A directory that may not be entered, as that of root for a process which has given up root and kept its HOME, has no file.
func TestReadOutOfReach(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(dir, 0o000); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.yaml")
	// Root may enter any directory. A process with another user's file system identity may not.
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if os.Getuid() == 0 {
			if _, _, errno := unix.Syscall(unix.SYS_SETFSUID, 65534, 0, 0); errno != 0 {
				done <- errno
				return
			}
		}
		if got, err := Read(path, false, keys); err != nil || got != nil {
			done <- fmt.Errorf("%v, %w", got, err)
			return
		}
		if _, err := Read(path, true, keys); !errors.Is(err, os.ErrPermission) {
			done <- fmt.Errorf("a file that must be there: %w", err)
			return
		}
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A user who can put a link into a directory above a file could make root write anywhere.
func TestRootWritesOnlyWhereOthersPutNoLinks(t *testing.T) {
	uid := uint32(os.Geteuid())
	for _, tt := range []struct {
		name string
		mode os.FileMode
		uid  uint32
		ok   bool
	}{
		{"one's own", 0o755, uid, true},
		{"with others in it, who may not change it", 0o777 | os.ModeSticky, uid, true},
		{"that others may change", 0o777, uid, false},
		{"that a group may change", 0o775, uid, false},
	} {
		dir := t.TempDir()
		if err := os.Chmod(dir, tt.mode); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{dir, filepath.Join(dir, "none", "yet")} {
			if err := isOnlyOf(tt.uid, dir); (err == nil) != tt.ok {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
	if os.Geteuid() != 0 {
		if err := isOnlyOf(uid+1, t.TempDir()); err == nil {
			t.Error("another user's directory may be written to")
		}
		return
	}
	home, secret := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := errors.Join(os.Chown(home, 65534, 65534), os.WriteFile(secret, []byte("theme: light\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(home, "config.yaml"), filepath.Join(home, "nsviz", "config.yaml")} {
		if err := Change(path, []Setting{{Key: keys[0], Values: []string{"dark"}}}); err == nil {
			t.Errorf("%s was written", path)
		}
	}
	if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
