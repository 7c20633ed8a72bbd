package nsfs

import (
	"fmt"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Mount is a bind mount that keeps a namespace alive. Docker and `ip netns` make them.
type Mount struct {
	Type  event.NamespaceType
	ID    uint64
	Point string
}

// Mounts lists the namespaces that are mounted in the host's mount namespace, in the order of mountinfo. It reads the mounts of
// PID 1, since nsviz may have a mount namespace of its own (in a container, or by systemd's sandboxing) that shows none of them.
// If PID 1's cannot be read it reads nsviz's own.
func (r *Reader) Mounts() ([]Mount, error) {
	table, err := pseudofs.ReadFile(r.proc.File("1/mountinfo"), nil)
	if err != nil {
		if table, err = pseudofs.ReadFile(r.proc.File("self/mountinfo"), nil); err != nil {
			return nil, fmt.Errorf("list the mounted namespaces: %w", err)
		}
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
