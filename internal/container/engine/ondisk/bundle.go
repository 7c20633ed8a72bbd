package ondisk

import (
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
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
	kubeIdentity(identity, kubeNames{
		sandbox: kind == "sandbox", pod: a[prefix+"sandbox-name"], namespace: a[prefix+"sandbox-namespace"], container: a[prefix+"container-name"],
	})
	identity.Image = cut(a[prefix+"image-name"])
	return true
}

// crioIdentity fills in what CRI-O notes in a bundle (cri-o, pkg/annotations). It returns false if the bundle is not one of its.
func crioIdentity(identity *container.Identity, a map[string]string) bool {
	const prefix = "io.kubernetes.cri-o."
	if a["io.container.manager"] != "cri-o" {
		return false
	}
	// The kubelet's own labels are the better ones: CRI-O's names are joined from several.
	names := kubeNames{
		sandbox: a[prefix+"ContainerType"] == "sandbox", container: a["io.kubernetes.container.name"],
		pod: first(a["io.kubernetes.pod.name"], a[prefix+"KubeName"]), namespace: first(a["io.kubernetes.pod.namespace"], a[prefix+"Namespace"]),
	}
	if joined, ok := splitKubeName(a[prefix+"ContainerName"]); ok {
		names = kubeNames{
			names.sandbox, first(names.pod, joined.pod), first(names.namespace, joined.namespace), first(names.container, joined.container),
		}
	}
	kubeIdentity(identity, names)
	identity.Image = cut(first(a[prefix+"ImageName"], a[prefix+"Image"]))
	return true
}

// kubeNames are the names of a container in a Kubernetes pod.
type kubeNames struct {
	sandbox                   bool
	pod, namespace, container string
}

// splitKubeName splits the name of a container as CRI-O and Docker have it, k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT, none of which has
// a "_". The container of a sandbox is called POD.
func splitKubeName(name string) (kubeNames, bool) {
	parts := strings.Split(name, "_")
	if len(parts) != 6 || parts[0] != "k8s" {
		return kubeNames{}, false
	}
	return kubeNames{sandbox: parts[1] == "POD", container: parts[1], pod: parts[2], namespace: parts[3]}, true
}

// kubeIdentity fills in a container of a pod. Its name is NAMESPACE/POD/CONTAINER, since many pods have a container of the same name; the
// sandbox has the name of its pod.
func kubeIdentity(identity *container.Identity, n kubeNames) {
	last := first(n.container, event.ShortID(identity.ID)) // old versions of containerd note no name
	if n.sandbox {
		n.container, last = "", ""
		identity.Kind = event.KindPod
	}
	parts := slices.DeleteFunc([]string{n.namespace, n.pod, last}, func(part string) bool { return part == "" })
	identity.Name = cut(strings.Join(parts, "/"))
	if n.pod != "" {
		identity.Group = &event.Group{Kind: event.GroupPod, Name: cut(n.pod), Namespace: cut(n.namespace), Member: cut(n.container)}
	}
}

// namedByID gives a container the name that it has among its runtime's: where users choose the ids, these are the names.
func namedByID(identity *container.Identity) {
	if !isHash(identity.ID) {
		identity.Name = identity.ID
	}
}

// isHash reports whether an id is one that an engine has made, which is no name.
func isHash(id string) bool { return len(id) == 64 && strings.Trim(id, "0123456789abcdef") == "" }

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

// maxText bounds each text that is taken over, in bytes.
const maxText = 4 << 10

// cut shortens a text, between two characters. The copy releases the file that it is from.
func cut(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return strings.Clone(s)
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
