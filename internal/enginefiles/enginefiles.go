package enginefiles

import (
	"path"
	"regexp"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
)

// enginePath is what an engine makes for a container: Docker's /etc/hosts and the like, Podman's, a sandbox's, a pod's.
var enginePath = regexp.MustCompile(`/(?:` + strings.Join(runtime.FileFolders(), "|") + `)/([0-9a-f]{64})/|/kubelet/pods/[^/]+/etc-hosts$`)

// Owner reports whether an engine made the file at a path of the host for a container or a sandbox, and its id; "" means that
// the path does not have it.
func Owner(at string) (owner string, is bool) {
	m := enginePath.FindStringSubmatch(at)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// Points returns where engines mount the files that belong to a namespace: a container that joins another one's gets
// that one's file.
func Points(t event.NamespaceType) []string {
	switch t {
	case event.Net:
		return []string{"/etc/hosts", "/etc/resolv.conf"}
	case event.IPC:
		return []string{"/dev/shm"}
	}
	return nil
}

// MadeFor returns, by type, the ids of the containers that a process's namespaces were made for, by the files that an engine
// has mounted for it. mounts are the process's, host the host's. It leaves out the types without a file.
func MadeFor(mounts, host []mountinfo.Mount) map[event.NamespaceType]string {
	var madeFor map[event.NamespaceType]string
	for _, t := range event.NamespaceTypes() {
		if id := ownerOf(Points(t), mounts, host); id != "" {
			if madeFor == nil {
				madeFor = map[event.NamespaceType]string{}
			}
			madeFor[t] = id
		}
	}
	return madeFor
}

// ownerOf returns the id of the container for which an engine has made the first of the files at points; "" is none.
func ownerOf(points []string, mounts, host []mountinfo.Mount) string {
	for _, point := range points {
		for i := range mounts {
			m := &mounts[i]
			if m.Point != point {
				continue
			}
			for j := range host {
				rest, within := strings.CutPrefix(m.Root, strings.TrimSuffix(host[j].Root, "/"))
				if host[j].Device != m.Device || !within || rest != "" && rest[0] != '/' {
					continue
				}
				if id, _ := Owner(path.Join(host[j].Point, rest)); id != "" {
					return id
				}
			}
		}
	}
	return ""
}
