package mountinfo

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestMounts(t *testing.T) {
	proc, _ := hosttest.Unpack(t, "v2")
	r := New(pseudofs.Proc(proc))
	path := filepath.Join(proc, "9", "mountinfo")
	hosttest.WriteFile(t, path, `71 47 0:38 / / rw,relatime master:2 - overlay overlay rw,lowerdir=/l/A:/l/B,upperdir=/u\040p/diff,workdir=/w
75 71 0:44 / /sys ro,nosuid - sysfs sysfs rw
76 71 0:45 / /x\040y rw - tmpfs my\040source ro,size=1k
no mount
77 71 0:46 / /cut rw - tmp`)
	got, err := r.Of(9)
	want := []Mount{
		{Device: "0:38", Root: "/", Point: "/", FSType: "overlay", Source: "overlay", SuperOptions: `rw,lowerdir=/l/A:/l/B,upperdir=/u\040p/diff,workdir=/w`},
		{Device: "0:44", Root: "/", Point: "/sys", ReadOnly: true, FSType: "sysfs", Source: "sysfs", SuperOptions: "rw"},
		{Device: "0:45", Root: "/", Point: "/x y", ReadOnly: true, FSType: "tmpfs", Source: "my source", SuperOptions: "ro,size=1k"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	hosttest.WriteFile(t, path, hosttest.ManyMounts(2500))
	if got, err := r.Of(9); len(got) != 5000 || err != nil {
		t.Errorf("%d of 5000, %v", len(got), err)
	}
	if _, err := r.Of(99); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
	host, err := r.OfHost()
	if err != nil || len(host) == 0 || host[1].Point != "/run" { // PID 1's, which has /run, not nsviz's own
		t.Errorf("of the host: %+v, %v", host, err)
	}
}

// What bubblewrap makes of --ro-bind / / --proc /proc --dev /dev --tmpfs /run, and more.
func TestCoveredMounts(t *testing.T) {
	mounts := parseMounts([]byte(`1 1 0:2 / / rw - rootfs rootfs rw
10 1 8:1 / / ro - ext4 /dev/vda rw
11 10 0:20 / /proc ro - proc proc rw
12 10 0:6 / /dev ro - devtmpfs dev rw
13 12 0:7 / /dev/shm ro - tmpfs shm rw
14 10 0:8 / /run/lock ro - tmpfs lock rw
15 10 0:9 / /srv rw - tmpfs srv rw
16 15 0:10 / /srv/a rw - tmpfs a rw
20 11 0:90 / /proc rw - proc proc rw
21 20 0:90 /sys /proc/sys ro - proc proc rw
22 12 0:91 / /dev rw - tmpfs tmpfs rw
23 22 0:92 / /dev/shm rw - tmpfs tmpfs rw
24 10 0:93 / /run rw - tmpfs tmpfs rw
25 24 0:94 / /run/lock rw - tmpfs tmpfs rw
26 10 0:95 / /runner rw - tmpfs tmpfs rw
27 20 0:96 / /proc rw - proc proc rw`))
	covered := map[string]bool{
		"0:20": true, "0:90": true, "0:6": true, // others are on them
		"0:7": true, // in one that is covered
		"0:8": true, // /run was covered later
	}
	for _, m := range mounts {
		if m.Covered != covered[m.Device] {
			t.Errorf("%s at %s: covered %v", m.Device, m.Point, m.Covered)
		}
	}
	if len(mounts) != 16 {
		t.Error(len(mounts))
	}
}

func TestOverlay(t *testing.T) {
	for options, want := range map[string]Overlay{
		"rw,lowerdir=/a:/b,upperdir=/u,workdir=/w": {Lower: []string{"/a", "/b"}, Upper: "/u"},
		"ro,lowerdir=/a": {Lower: []string{"/a"}},
		`rw,lowerdir=/a\134:b:/c\054d,upperdir=/u\040v`: {Lower: []string{"/a:b", "/c,d"}, Upper: "/u v"},
		"rw,lowerdir=/a::/data":                         {Lower: []string{"/a", "/data"}},
		"rw,lowerdir+=/a,lowerdir+=/b:c,datadir+=/d":    {Lower: []string{"/a", "/b:c", "/d"}},
		`rw,lowerdir=/a\`:                               {Lower: []string{`/a\`}},
		"rw,lowerdir=":                                  {},
		"":                                              {},
	} {
		m := Mount{FSType: "overlay", SuperOptions: options}
		got, ok := m.Overlay()
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%q: %v %s", options, ok, diff)
		}
	}
	if _, ok := (&Mount{FSType: "ext4", SuperOptions: "lowerdir=/a"}).Overlay(); ok {
		t.Error("an ext4 has layers")
	}
}

func TestAt(t *testing.T) {
	mounts := []Mount{{Point: "/", Device: "1"}, {Point: "/a", Device: "2"}, {Point: "/a/b", Device: "3"}, {Point: "/a", Device: "4"}}
	for path, want := range map[string]string{"/": "1", "/ab": "1", "/a": "4", "/a/c": "4", "/a/b": "3", "/a/b/c": "3"} {
		if m, ok := At(mounts, path); !ok || m.Device != want {
			t.Errorf("%s: %+v, want %s", path, m, want)
		}
	}
	if _, ok := At(nil, "/"); ok {
		t.Error("there is a mount")
	}
}
