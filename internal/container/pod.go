package container

import (
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
)

// PodNames are the names of a container in a Kubernetes pod. What is empty is unknown.
type PodNames struct {
	Namespace, Pod, Container string
	// Sandbox is set for what the containers of the pod share; it has no name of its own.
	Sandbox bool
}

// SetPod names a container after its pod: NAMESPACE/POD/CONTAINER, since many pods have a container of the same name. The sandbox has the
// name of its pod. A container without a name has its short id instead.
func (id *Identity) SetPod(n PodNames) {
	last := n.Container
	switch {
	case n.Sandbox:
		n.Container, last = "", ""
		id.Kind = event.KindPod
	case last == "": // old versions of containerd note no name
		last = event.ShortID(id.ID)
	}
	parts := slices.DeleteFunc([]string{n.Namespace, n.Pod, last}, func(part string) bool { return part == "" })
	id.Name = Cut(strings.Join(parts, "/"))
	if n.Pod != "" {
		id.Group = &event.Group{Kind: event.GroupPod, Name: Cut(n.Pod), Namespace: Cut(n.Namespace), Member: Cut(n.Container)}
	}
}

// MaxText bounds each text of others that is taken over, in bytes.
const MaxText = 4 << 10

// Cut shortens a text of others to a bound, between two characters. The copy releases what the text was read from.
func Cut(s string) string {
	if len(s) > MaxText {
		s = strings.ToValidUTF8(s[:MaxText], "")
	}
	return strings.Clone(s)
}

// ShortImage shortens a bare id of an image, as docker ps does. Engines name an image so if its tag has moved on to another one.
func ShortImage(name string) string {
	if digest, ok := strings.CutPrefix(name, "sha256:"); ok && IsHash(digest) {
		return digest[:12]
	}
	return Cut(name)
}

// IsHash reports whether an id is one that an engine has made: 64 hexadecimal digits.
func IsHash(id string) bool { return len(id) == 64 && strings.Trim(id, "0123456789abcdef") == "" }
