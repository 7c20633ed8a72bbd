package hostfs

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

// EngineFile reports whether the file at a path of the host is one that an engine has made for a container or a
// sandbox, and the id of that; "" is that the path does not say.
func EngineFile(at string) (owner string, is bool) {
	m := enginePath.FindStringSubmatch(at)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// EngineFiles returns where engines mount the files that belong to a namespace: a container that joins another one's gets
// that one's file.
func EngineFiles(t event.NamespaceType) []string {
	switch t {
	case event.Net:
		return []string{"/etc/hosts", "/etc/resolv.conf"}
	case event.IPC:
		return []string{"/dev/shm"}
	}
	return nil
}

// MadeFor returns, by type, the ids of the containers that a process's namespaces were made for, by the files that an engine
// has mounted for it. host are the host's mounts. It leaves out the types that no file tells of.
func (f *FS) MadeFor(pid int32, host []mountinfo.Mount) (map[event.NamespaceType]string, error) {
	mounts, err := f.Mounts.Of(pid)
	if err != nil {
		return nil, err
	}
	var madeFor map[event.NamespaceType]string
	for _, t := range event.NamespaceTypes() {
		if id := ownerOf(EngineFiles(t), mounts, host); id != "" {
			if madeFor == nil {
				madeFor = map[event.NamespaceType]string{}
			}
			madeFor[t] = id
		}
	}
	return madeFor, nil
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
				if id, _ := EngineFile(path.Join(host[j].Point, rest)); id != "" {
					return id
				}
			}
		}
	}
	return ""
}
