package mountinfo

import (
	"strings"
	"testing"
)

func TestParseMount(t *testing.T) {
	for line, want := range map[string][4]string{ // root, point, type, super options
		"30 23 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n": {"/", "/sys/fs/cgroup", "cgroup2", "rw,nsdelegate"},
		"30 23 0:26 / / rw - ext4 /dev/vda rw":                                      {"/", "/", "ext4", "rw"},
		"1 2 0:4 net:[1] /run/n rw shared:1 master:2 propagate_from:3 unbindable - nsfs nsfs rw\n": {
			"net:[1]", "/run/n", "nsfs", "rw"},
		`1 2 0:4 /a\040b /c\011d\012e\134f rw - tmpfs my\040source rw`: {"/a b", "/c\td\ne\\f", "tmpfs", "rw"},
		"1 2 0:4 / /x rw - fuse.x  rw":                                 {"/", "/x", "fuse.x", "rw"}, // empty source
		"1 2 0:4 / /x rw - odd source rw,a b - c":                      {"/", "/x", "odd", "rw,a b - c"},
		`1 2 0:4 / /x\ rw - a b c`:                                     {"/", `/x\`, "a", "c"},
		`1 2 0:4 / /x\04 rw - a b c`:                                   {"/", `/x\04`, "a", "c"},
		`1 2 0:4 / /x\777\080 rw - a b c`:                              {"/", `/x\777\080`, "a", "c"},
		`1 2 0:4 / /\377\000 rw - a b c`:                               {"/", "/\xff\x00", "a", "c"},
		"1 2 0:4 / /\x1b[31m rw - a b c":                               {"/", "/\x1b[31m", "a", "c"},
	} {
		m, ok := parseMount([]byte(line))
		got := [4]string{Unescape(m.Root), Unescape(m.Point), string(m.FSType), string(m.SuperOptions)}
		if !ok || got != want {
			t.Errorf("%q: %q, %v", line, got, ok)
		}
	}
	for _, line := range []string{
		"", "\n", " - ", "30 23 0:26 / /sys rw", "30 23 0:26 / /sys - cgroup cgroup rw", "30 23 0:26 / /sys rw - ", "a b c d e f - g",
		"30 23 0:26 / sys rw - cgroup cgroup rw", "30 23 0:26  /sys rw x - cgroup cgroup rw", "30 23 0:26 / /sys rw - cgroup",
		"30 23 0:26 / /sys rw - cgroup cgroup", "30 23 0:26 / /sys rw -  cgroup rw",
	} {
		if m, ok := parseMount([]byte(line)); ok {
			t.Errorf("%q: %q", line, m)
		}
	}
}

func FuzzParseMount(f *testing.F) {
	f.Add([]byte("1 2 0:4 net:[1] /run/n rw - nsfs nsfs rw\n"), "/run/a b")
	f.Add([]byte(" - \n - "), "\\040\t\n - #")
	escape := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, "\\", `\134`) // as the kernel does
	f.Fuzz(func(t *testing.T, data []byte, path string) {
		for m := range Lines(data) {
			if len(m.Point) == 0 || m.Point[0] != '/' || len(m.FSType) == 0 {
				t.Errorf("%q: %q", data, m)
			}
		}
		path = "/" + path
		found := 0
		for m := range Lines([]byte("1 2 0:4 " + escape.Replace(path) + " " + escape.Replace(path) + " rw - nsfs nsfs rw\n")) {
			found++
			if Unescape(m.Root) != path || Unescape(m.Point) != path {
				t.Errorf("%q: %q", path, m)
			}
		}
		if found != 1 {
			t.Errorf("%q is found %d times", path, found)
		}
	})
}
