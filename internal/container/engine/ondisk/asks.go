package ondisk

import "sync"

// maxAsks bounds the open questions. One that does not fit is asked again later by whoever asked.
const maxAsks = 1024

// asks are the containers that were asked about, each once. It is safe for concurrent use.
type asks struct {
	// wake holds a token while there is something to take.
	wake chan struct{}

	mu   sync.Mutex
	open map[string]struct{}
}

func newAsks() *asks { return &asks{wake: make(chan struct{}, 1), open: map[string]struct{}{}} }

func (a *asks) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.open) < maxAsks {
		a.open[id] = struct{}{}
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// take returns the open questions, and closes them.
func (a *asks) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ids := make([]string, 0, len(a.open))
	for id := range a.open {
		ids = append(ids, id)
	}
	clear(a.open)
	return ids
}
