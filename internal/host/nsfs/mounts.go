package nsfs

import (
	"fmt"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
)

// Mount is a bind mount that keeps a namespace alive. Docker and `ip netns` make them.
type Mount struct {
	Type  event.NamespaceType
	ID    uint64
	Point string
}

// Mounts lists the namespaces that are mounted in the host's mount namespace, in the order of mountinfo.
func (r *Reader) Mounts() ([]Mount, error) {
	table, err := mountinfo.HostTable(r.proc)
	if err != nil {
		return nil, fmt.Errorf("list the mounted namespaces: %w", err)
	}
	return parseNamespaceMounts(table), nil
}

func parseNamespaceMounts(table []byte) []Mount {
	var found []Mount
	for m := range mountinfo.Lines(table) {
		if string(m.FSType) != "nsfs" {
			continue
		}
		// Namespaces of types that nsviz does not know (nsfs may get others) are left out.
		kind, id, err := parseNamespaceLink(m.Root)
		if err != nil {
			continue
		}
		found = append(found, Mount{Type: kind, ID: id, Point: mountinfo.Unescape(m.Point)})
	}
	return found
}
