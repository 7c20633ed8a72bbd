package ondisk

import (
	"strings"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
)

// spec is what nsviz reads of an OCI bundle's config.json (opencontainers/runtime-spec, config.md and config-linux.md).
type spec struct {
	Annotations map[string]string `json:"annotations"`
	Hostname    string            `json:"hostname"`
	Root        *struct {
		ReadOnly bool `json:"readonly"`
	} `json:"root"`
	Process *struct {
		Args         []string `json:"args"`
		Capabilities *struct {
			Bounding []string `json:"bounding"`
		} `json:"capabilities"`
		NoNewPrivileges bool   `json:"noNewPrivileges"`
		AppArmor        string `json:"apparmorProfile"`
	} `json:"process"`
	Linux *struct {
		CgroupsPath string `json:"cgroupsPath"`
		Namespaces  []struct {
			Type string `json:"type"`
			Path string `json:"path"`
		} `json:"namespaces"`
		Resources *resources `json:"resources"`
		Seccomp   *struct{}  `json:"seccomp"`
	} `json:"linux"`
}

func (s *spec) cgroupsPath() string {
	if s.Linux == nil {
		return ""
	}
	return s.Linux.CgroupsPath
}

// cgroupEnd returns the end of the path of the cgroup that the runtime makes: it is a path itself or, for systemd, "SLICE:PREFIX:NAME". "" is
// unknown.
func (s *spec) cgroupEnd() string {
	path := s.cgroupsPath()
	if parts := strings.Split(path, ":"); len(parts) == 3 && parts[2] != "" {
		scope := parts[2] + ".scope"
		if parts[1] != "" {
			scope = parts[1] + "-" + scope
		}
		return "/" + scope
	}
	if !strings.HasPrefix(path, "/") || path == "/" {
		return ""
	}
	return path
}

type resources struct {
	Memory *struct {
		Limit *int64 `json:"limit"`
		Swap  *int64 `json:"swap"` // memory and swap together
	} `json:"memory"`
	CPU *struct {
		Quota  *int64  `json:"quota"`
		Period *uint64 `json:"period"`
	} `json:"cpu"`
	PIDs *struct {
		Limit *int64 `json:"limit"`
	} `json:"pids"`
}

// criIdentity fills in what containerd's CRI plugin notes in a bundle (containerd, pkg/cri/annotations). It returns false if the bundle
// is not one of its.
func criIdentity(identity *container.Identity, a map[string]string) bool {
	const prefix = "io.kubernetes.cri."
	kind := a[prefix+"container-type"]
	if kind == "" {
		return false
	}
	identity.SetPod(container.PodNames{
		Sandbox: kind == "sandbox", Pod: a[prefix+"sandbox-name"], Namespace: a[prefix+"sandbox-namespace"], Container: a[prefix+"container-name"],
	})
	identity.Image = container.Cut(a[prefix+"image-name"])
	return true
}

// crioIdentity fills in what CRI-O notes in a bundle (cri-o, pkg/annotations). It returns false if the bundle is not one of its.
func crioIdentity(identity *container.Identity, a map[string]string) bool {
	const prefix = "io.kubernetes.cri-o."
	if a["io.container.manager"] != "cri-o" {
		return false
	}
	// The kubelet's own labels are the better ones: CRI-O's names are joined from several.
	names := container.PodNames{
		Sandbox: a[prefix+"ContainerType"] == "sandbox", Container: a["io.kubernetes.container.name"],
		Pod: first(a["io.kubernetes.pod.name"], a[prefix+"KubeName"]), Namespace: first(a["io.kubernetes.pod.namespace"], a[prefix+"Namespace"]),
	}
	if joined, ok := splitKubeName(a[prefix+"ContainerName"]); ok {
		names.Namespace, names.Pod = first(names.Namespace, joined.Namespace), first(names.Pod, joined.Pod)
		names.Container = first(names.Container, joined.Container)
	}
	identity.SetPod(names)
	identity.Image = container.Cut(first(a[prefix+"ImageName"], a[prefix+"Image"]))
	return true
}

// splitKubeName splits the name of a container as CRI-O and Docker have it, k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT, none of which has
// a "_". The container of a sandbox is called POD.
func splitKubeName(name string) (container.PodNames, bool) {
	parts := strings.Split(name, "_")
	if len(parts) != 6 || parts[0] != "k8s" {
		return container.PodNames{}, false
	}
	return container.PodNames{Sandbox: parts[1] == "POD", Container: parts[1], Pod: parts[2], Namespace: parts[3]}, true
}

// namedByID gives a container the name that it has among its runtime's: where users choose the ids, these are the names.
func namedByID(identity *container.Identity) {
	if !container.IsHash(identity.ID) {
		identity.Name = identity.ID
	}
}

// isID reports whether a name can be the id of a container: it is the name of one folder, of letters that runtimes allow.
func isID(name string) bool {
	const maxID = 255
	if name == "" || len(name) > maxID || name[0] == '.' {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("_+-.", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}

// runtimeOf returns the engine that makes bundles in a namespace of containerd.
func runtimeOf(namespace string) string {
	if namespace == "moby" || namespace == "plugins.moby" {
		return runtime.Docker
	}
	return runtime.Containerd
}
