package anatomy

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/mountinfo"
)

const id = "7edab7c9fba3551ba3000ecec1fd875fb2a47b538547468c323947466faa47f1"

func TestClassify(t *testing.T) {
	host := []mountinfo.Mount{
		{Device: "8:1", Root: "/", Point: "/", FSType: "ext4"},
		{Device: "8:1", Root: "/etc", Point: "/srv/alias", FSType: "ext4"}, // another name for /etc
		{Device: "0:20", Root: "/", Point: "/proc", FSType: "proc"},
		{Device: "0:21", Root: "/", Point: "/sys", FSType: "sysfs"},
		{Device: "0:6", Root: "/", Point: "/dev", FSType: "devtmpfs"},
		{Device: "0:24", Root: "/", Point: "/run", FSType: "tmpfs"},
		{Device: "0:40", Root: "/@home", Point: "/home", FSType: "btrfs"},
	}
	tests := []struct {
		mount mountinfo.Mount
		want  Mount
	}{
		{mountinfo.Mount{Device: "0:99", Root: "/", Point: "/", FSType: "overlay"}, Mount{Path: "/", Kind: KindRoot}},
		{mountinfo.Mount{Device: "8:1", Root: "/srv/root", Point: "/", FSType: "ext4"}, Mount{Path: "/", Kind: KindRoot}},
		{mountinfo.Mount{Device: "0:90", Root: "/", Point: "/proc", FSType: "proc"}, Mount{Path: "/proc", Kind: KindKernel}},
		{mountinfo.Mount{Device: "0:90", Root: "/sys", Point: "/proc/sys", FSType: "proc", ReadOnly: true}, Mount{Path: "/proc/sys", Kind: KindKernel, ReadOnly: true}},
		{mountinfo.Mount{Device: "0:91", Root: "/null", Point: "/proc/kcore", FSType: "tmpfs"}, Mount{Path: "/proc/kcore", Kind: KindMask}},
		{mountinfo.Mount{Device: "0:92", Root: "/", Point: "/sys/firmware", FSType: "tmpfs"}, Mount{Path: "/sys/firmware", Kind: KindMask}},
		{mountinfo.Mount{Device: "0:91", Root: "/", Point: "/dev", FSType: "tmpfs"}, Mount{Path: "/dev", Kind: KindTmpfs}},
		{mountinfo.Mount{Device: "0:21", Root: "/", Point: "/sys", FSType: "sysfs"}, Mount{Path: "/sys", Kind: KindKernel}}, // with --network=host
		{mountinfo.Mount{Device: "0:21", Root: "/", Point: "/host/sys", FSType: "sysfs"}, Mount{Path: "/host/sys", Kind: KindBind, Source: "/sys"}},
		{mountinfo.Mount{Device: "0:20", Root: "/", Point: "/proc", FSType: "proc"}, Mount{Path: "/proc", Kind: KindBind, Source: "/proc"}},
		{mountinfo.Mount{Device: "0:6", Root: "/kvm", Point: "/dev/kvm", FSType: "devtmpfs"}, Mount{Path: "/dev/kvm", Kind: KindBind, Source: "/dev/kvm"}},
		{mountinfo.Mount{Device: "8:1", Root: "/etc", Point: "/e", FSType: "ext4"}, Mount{Path: "/e", Kind: KindBind, Source: "/etc"}},
		{mountinfo.Mount{Device: "8:1", Root: "/etc/x", Point: "/e", FSType: "ext4"}, Mount{Path: "/e", Kind: KindBind, Source: "/etc/x"}},
		{mountinfo.Mount{Device: "8:1", Root: "/etcetera", Point: "/e", FSType: "ext4"}, Mount{Path: "/e", Kind: KindBind, Source: "/etcetera"}},
		{mountinfo.Mount{Device: "8:1", Root: "/", Point: "/host", FSType: "ext4"}, Mount{Path: "/host", Kind: KindBind, Source: "/"}},
		{mountinfo.Mount{Device: "0:24", Root: "/docker.sock", Point: "/s", FSType: "tmpfs"}, Mount{Path: "/s", Kind: KindBind, Source: "/run/docker.sock"}},
		{mountinfo.Mount{Device: "0:40", Root: "/@home/me", Point: "/me", FSType: "btrfs"}, Mount{Path: "/me", Kind: KindBind, Source: "/home/me"}},
		{mountinfo.Mount{Device: "0:40", Root: "/@other", Point: "/o", FSType: "btrfs"}, Mount{Path: "/o", Kind: KindOther}},
		{
			mountinfo.Mount{Device: "8:1", Root: "/var/lib/docker/volumes/db/_data", Point: "/db", FSType: "ext4"},
			Mount{Path: "/db", Kind: KindVolume, Source: "/var/lib/docker/volumes/db/_data"},
		},
		{
			mountinfo.Mount{Device: "8:1", Root: "/var/lib/docker/containers/" + id + "/hosts", Point: "/etc/hosts", FSType: "ext4"},
			Mount{Path: "/etc/hosts", Kind: KindEngine, Source: "/var/lib/docker/containers/" + id + "/hosts"},
		},
	}
	for _, test := range tests {
		test.want.Type = test.mount.FSType
		got := classify([]mountinfo.Mount{test.mount}, host)
		if diff := cmp.Diff([]Mount{test.want}, got); diff != "" {
			t.Errorf("%+v:\n%s", test.mount, diff)
		}
	}
}

// The mounts of two large hosts are classified in an acceptable time.
func TestManyMounts(t *testing.T) {
	var mounts, host []mountinfo.Mount
	for i := range 5000 {
		m := mountinfo.Mount{Device: fmt.Sprint("8:", i%10), Root: fmt.Sprint("/r", i), Point: fmt.Sprint("/m", i), FSType: "ext4"}
		mounts, host = append(mounts, m), append(host, m)
	}
	a := walled()
	began := time.Now()
	a.Mounts = classify(mounts, host)
	Findings(a)
	if took := time.Since(began); len(a.Mounts) != 5000 || took > 5*time.Second {
		t.Errorf("%d mounts in %v", len(a.Mounts), took)
	}
}

func TestSensitiveFilesOfEngines(t *testing.T) {
	sockets := &exposure{Critical, Critical, "the sockets of the engine"}
	socket := &exposure{Critical, Critical, "who may write to it commands the engine"}
	files := &exposure{Critical, High, "the files of all containers"}
	for at, want := range map[string]*exposure{
		"/run/containerd": sockets, "/run/docker.sock": socket, "/x/crio.sock": socket, "/run/podman/podman.sock": socket,
		"/var/lib/docker": files, "/var/lib/containerd": files, "/var/lib/containers": files,
		"": nil, ".": nil, "/srv": nil, "/var/lib/docker/volumes": nil, "/run/containerd/x": nil,
	} {
		got := sensitive(at)
		if (got == nil) != (want == nil) || got != nil && *got != *want {
			t.Errorf("%q: %+v, want %+v", at, got, want)
		}
	}
}
