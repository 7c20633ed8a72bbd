package enginefiles

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestOwner(t *testing.T) {
	id := strings.Repeat("3f", 32)
	for path, want := range map[string]string{
		"/var/lib/docker/containers/" + id + "/hosts":                                     id,
		"/var/lib/docker/containers/" + id + "/mounts/shm":                                id,
		"/run/containers/storage/overlay-containers/" + id + "/userdata/resolv.conf":      id,
		"/run/containerd/io.containerd.grpc.v1.cri/sandboxes/" + id + "/shm":              id,
		"/var/lib/kubelet/pods/0b1c/etc-hosts":                                            "no owner",
		"/var/lib/docker/containers/" + id:                                                "none",
		"/var/lib/docker/containers/" + id[:12] + "/hosts":                                "none",
		"/var/lib/docker/volumes/containers/_data":                                        "none",
		"/var/lib/kubelet/pods/0b1c/volumes/kubernetes.io~empty-dir/a/etc-hosts/anything": "none",
		"": "none",
	} {
		owner, is := Owner(path)
		switch {
		case !is:
			owner = "none"
		case owner == "":
			owner = "no owner"
		}
		if owner != want {
			t.Errorf("%s: %s, want %s", path, owner, want)
		}
	}
}

func TestMadeFor(t *testing.T) {
	vpn, app := strings.Repeat("3f", 32), strings.Repeat("4e", 32)
	const docker = "/var/lib/docker/containers/"
	host := []mountinfo.Mount{
		{Device: "8:1", Root: "/", Point: "/"}, {Device: "8:2", Root: "/sub", Point: "/var/lib/docker"},
		{Device: "0:55", Root: "/", Point: docker + vpn + "/mounts/shm"}, {Device: "0:56", Root: "/", Point: docker + app + "/mounts/shm"},
	}
	proc, _ := hosttest.Unpack(t, "v2")
	mounts := mountinfo.New(pseudofs.Proc(proc))
	for name, test := range map[string]struct {
		mounts string
		want   map[event.NamespaceType]string
	}{
		"its own": {
			"71 1 8:1 " + docker + app + "/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda rw\n72 1 8:1 " + docker + app + "/hosts /etc/hosts rw - ext4 /dev/sda rw\n" +
				"73 1 0:56 / /dev/shm rw - tmpfs shm rw\n",
			map[event.NamespaceType]string{event.Net: app, event.IPC: app},
		},
		"another one's network": {
			"72 1 8:1 " + docker + vpn + "/hosts /etc/hosts rw - ext4 /dev/sda rw\n73 1 0:56 / /dev/shm rw - tmpfs shm rw\n",
			map[event.NamespaceType]string{event.Net: vpn, event.IPC: app},
		},
		"on a file system of its own": {
			"72 1 8:2 /sub/containers/" + vpn + "/hosts /etc/hosts rw - ext4 /dev/sdb rw\n", map[event.NamespaceType]string{event.Net: vpn},
		},
		"the shared memory is mounted no more on the host":    {"73 1 0:99 / /dev/shm rw - tmpfs shm rw\n", nil},
		"of a part of the file system that is not the host's": {"72 1 8:2 /other/containers/" + vpn + "/hosts /etc/hosts rw - ext4 /dev/sdb rw\n", nil},
		"made by nobody": {"72 1 8:1 /srv/hosts /etc/hosts rw - ext4 /dev/sda rw\n", nil},
	} {
		hosttest.WriteFile(t, filepath.Join(proc, "9", "mountinfo"), test.mounts)
		own, err := mounts.Of(9)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, MadeFor(own, host)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
