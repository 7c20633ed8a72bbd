package container

import (
	"container/list"
	"maps"
	"sync"
	"time"
)

// Directory keeps the identities of containers, those of the dead too. It is bounded in their number and their size:
// the one that was touched least recently goes first. It is safe for concurrent use.
type Directory struct {
	mu      sync.Mutex // guards entries, order, bytes
	limit   int
	labels  []string // the keys of those that are kept
	entries map[string]*list.Element
	order   *list.List // of Identity, most recently touched first
	bytes   int        // of all identities
	// users has what users' own engines report: it takes no room from the others, and replaces none. It is nil in itself.
	users *Directory
}

// directoryBytes bounds the text in a Directory: some thousand containers with a few KiB of labels each.
const directoryBytes = 16 << 20

// Bounds of the labels that a Directory keeps.
const (
	MaxLabels     = 16
	maxLabelValue = 256 // bytes
)

// NewDirectory makes a directory of at most limit identities, with those of their labels that have one of the keys: MaxLabels at most.
func NewDirectory(limit int, labels ...string) *Directory {
	d := newDirectory(limit, labels)
	d.users = newDirectory(limit, labels)
	return d
}

func newDirectory(limit int, labels []string) *Directory {
	return &Directory{limit: limit, labels: labels[:min(len(labels), MaxLabels)], entries: map[string]*list.Element{}, order: list.New()}
}

// Put adds or replaces an identity. One from a better source than the new one is kept. A group and a kind that a worse source knows are
// kept as well if the better one knows none, as is an image, and when it was created if the new one does not say. It reports whether anything other than
// its source and its creation has changed, of what is kept.
func (d *Directory) Put(id Identity) bool {
	if id.User != 0 && d.users != nil {
		if _, known := d.get(id.ID); known {
			return false
		}
		return d.users.Put(id)
	}
	id.Labels = d.kept(id.Labels)
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, ok := d.entries[id.ID]; ok {
		old := e.Value.(Identity)
		if old.Source < id.Source {
			merged, news := old, false
			if !old.grouped() && id.grouped() {
				merged.Kind, merged.Group, news = id.Kind, id.Group, true
			}
			if old.Image == "" && id.Image != "" {
				merged.Image, news = id.Image, true
			}
			e.Value = merged
			d.order.MoveToFront(e)
			d.bytes += merged.size() - old.size()
			d.shrink()
			return news
		}
		if id.Source == SourceEngine && !id.grouped() { // what is in a group stays there
			id.Kind, id.Group = old.Kind, old.Group
		}
		if id.Image == "" {
			id.Image = old.Image
		}
		if id.Created.IsZero() {
			id.Created = old.Created
		}
		e.Value = id
		d.order.MoveToFront(e)
		d.bytes += id.size() - old.size()
		d.shrink()
		return old.Name != id.Name || old.Image != id.Image || old.Runtime != id.Runtime || old.Kind != id.Kind || !old.Group.Equal(id.Group) ||
			!maps.Equal(old.Labels, id.Labels)
	}
	d.entries[id.ID] = d.order.PushFront(id)
	d.bytes += id.size()
	d.shrink()
	return true
}

// kept returns the labels that are kept. Half a value would be a wrong one, so one that is too long is left out.
func (d *Directory) kept(all map[string]string) map[string]string {
	var kept map[string]string
	for _, key := range d.labels {
		value, ok := all[key]
		if !ok || len(value) > maxLabelValue {
			continue
		}
		if kept == nil {
			kept = make(map[string]string, len(d.labels))
		}
		kept[key] = value
	}
	return kept
}

// shrink drops what is beyond the bounds. The caller holds the lock.
func (d *Directory) shrink() {
	for d.order.Len() > d.limit || d.bytes > directoryBytes && d.order.Len() > 1 {
		oldest := d.order.Back()
		id := d.order.Remove(oldest).(Identity)
		delete(d.entries, id.ID)
		d.bytes -= id.size()
	}
}

// grouped reports whether it is known that a container is in a group, or of another kind than most.
func (id *Identity) grouped() bool { return id.Kind != "" || id.Group != nil }

// size is how many bytes of text an identity has.
func (id *Identity) size() int {
	n := len(id.ID) + len(id.Runtime) + len(id.Name) + len(id.Image)
	if g := id.Group; g != nil {
		n += len(g.Name) + len(g.Namespace) + len(g.Member)
	}
	for key, value := range id.Labels {
		n += len(key) + len(value)
	}
	return n
}

// Forget removes what is known of an id, which somebody else may have by now.
func (d *Directory) Forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, ok := d.entries[id]; ok {
		identity := d.order.Remove(e).(Identity)
		delete(d.entries, id)
		d.bytes -= identity.size()
	}
}

// Get finds an identity by its full id.
func (d *Directory) Get(id string) (Identity, bool) {
	if identity, ok := d.get(id); ok {
		return identity, true
	}
	return d.users.get(id)
}

func (d *Directory) get(id string) (Identity, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.entries[id]
	if !ok {
		return Identity{}, false
	}
	d.order.MoveToFront(e)
	return e.Value.(Identity), true
}

// takeCreated says once when the container of a full id was created; zero is unknown, or taken already.
func (d *Directory) takeCreated(id string) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.entries[id]
	if !ok && d.users != nil {
		return d.users.takeCreated(id)
	}
	if !ok {
		return time.Time{}
	}
	identity := e.Value.(Identity)
	created := identity.Created
	identity.Created = time.Time{}
	e.Value = identity
	return created
}
