package nsfs

import (
	"fmt"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Mount is a bind mount that keeps a namespace alive, as Docker and `ip netns` make them.
type Mount struct {
	Type  event.NamespaceType
	ID    uint64
	Point string
}

// Mounts lists the namespaces that are mounted in the host's mount namespace, in the order
// in which mountinfo has them. It reads the mounts of PID 1, for nsviz may have a mount namespace of
// its own (in a container, or by systemd's sandboxing) that shows none of them; where those are not
// to be had it reads nsviz's own.
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
		// What is no namespace of a type that nsviz knows (nsfs may get others) is left out.
		kind, id, err := parseNamespaceLink(m.Root)
		if err != nil {
			continue
		}
		found = append(found, Mount{Type: kind, ID: id, Point: mountinfo.Unescape(m.Point)})
	}
	return found
}
