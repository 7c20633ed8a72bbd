package docker

import (
	"maps"
	"strings"
	"unicode/utf8"

	dockertypes "github.com/docker/docker/api/types/container"

	"github.com/nsviz/nsviz/internal/container"
)

// maxName bounds what is taken over from the engine, in bytes. Labels have their bounds where they are kept, in the directory.
const maxName = 4 << 10

// fromSummary makes an identity from an entry of the list of an engine of that name. It reports false if the entry
// has no usable id, or no name: then the container is being removed, and its known identity
// is better.
func fromSummary(runtime string, c *dockertypes.Summary) (container.Identity, bool) {
	name := ownName(c.Names)
	if !validID(c.ID) || name == "" {
		return container.Identity{}, false
	}
	kind, group := container.GroupOf(c.Labels)
	return container.Identity{
		ID: c.ID, Runtime: runtime, Name: cut(name, maxName), Image: container.ShortImage(c.Image), Labels: c.Labels,
		Kind: kind, Group: group,
	}, true
}

// fromAttributes makes an identity from the attributes of a create or rename event. The engine
// builds them so (daemon/events.go in moby, unchanged since 1.10): its extras, here oldName; the
// container's labels over them; the image over those, but only where the container has one; last
// the name. So a label can neither forge nor hide the name, a label "oldName" hides the extra, and a
// label "image" shows as the image of a container without one. Labels called like an attribute
// are left out. The list is better for all but the name, and is fetched after every such event.
func fromAttributes(runtime, id string, attributes map[string]string) (container.Identity, bool) {
	name := strings.TrimPrefix(attributes["name"], "/")
	if !validID(id) || name == "" {
		return container.Identity{}, false
	}
	own := maps.Clone(attributes)
	for _, key := range []string{"name", "image", "oldName"} {
		delete(own, key)
	}
	kind, group := container.GroupOf(own)
	return container.Identity{
		ID: id, Runtime: runtime, Name: cut(name, maxName), Image: container.ShortImage(attributes["image"]), Labels: own,
		Kind: kind, Group: group,
	}, true
}

// ownName picks the container's own name. The others, such as /other/db, are names that linked
// containers give it.
func ownName(names []string) string {
	for _, n := range names {
		if n = strings.TrimPrefix(n, "/"); n != "" && !strings.Contains(n, "/") {
			return n
		}
	}
	return ""
}

// validID reports whether id can be a container's: its 64 hexadecimal digits or the first of them.
func validID(id string) bool {
	return len(id) >= 12 && len(id) <= 64 && isHex(id)
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// cut shortens s to at most limit bytes, between two runes. The copy releases the original.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return strings.Clone(s[:limit])
}

// cutFront shortens s to at most limit bytes, between two runes, and keeps its end.
func cutFront(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	at := len(s) - limit
	for at < len(s) && !utf8.RuneStart(s[at]) {
		at++
	}
	return strings.Clone(s[at:])
}
