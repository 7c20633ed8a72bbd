package container

import (
	"container/list"
	"sync"
)

// Directory keeps the identities of containers, those of the dead too. It is bounded: the one that
// was touched least recently goes first. It is safe for concurrent use.
type Directory struct {
	mu      sync.Mutex // guards entries, order
	limit   int
	entries map[string]*list.Element
	order   *list.List // of Identity, most recently touched first
}

// NewDirectory makes a directory of at most limit identities.
func NewDirectory(limit int) *Directory {
	return &Directory{limit: limit, entries: map[string]*list.Element{}, order: list.New()}
}

// Put adds or replaces an identity. It reports whether the name, image or runtime is news.
func (d *Directory) Put(id Identity) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, ok := d.entries[id.ID]; ok {
		old := e.Value.(Identity)
		e.Value = id
		d.order.MoveToFront(e)
		return old.Name != id.Name || old.Image != id.Image || old.Runtime != id.Runtime
	}
	d.entries[id.ID] = d.order.PushFront(id)
	for d.order.Len() > d.limit {
		oldest := d.order.Back()
		delete(d.entries, oldest.Value.(Identity).ID)
		d.order.Remove(oldest)
	}
	return true
}

// Get finds an identity by its full id.
func (d *Directory) Get(id string) (Identity, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.entries[id]
	if !ok {
		return Identity{}, false
	}
	d.order.MoveToFront(e)
	return e.Value.(Identity), true
}
