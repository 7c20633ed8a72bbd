package ondisk

import "sync"

// maxAsks bounds the open questions. One that does not fit is asked again later by whoever asked.
const maxAsks = 1024

// asks are the containers that were asked about, each once. It is safe for concurrent use.
type asks struct {
	// wake holds a token while there is something to take.
	wake chan struct{}

	mu sync.Mutex
	// open says of each id whether it is worth a look at all processes.
	open map[string]bool
}

func newAsks() *asks { return &asks{wake: make(chan struct{}, 1), open: map[string]bool{}} }

// add asks for an id. A thorough question looks at all processes if no file has the answer.
func (a *asks) add(id string, thorough bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, asked := a.open[id]; asked || len(a.open) < maxAsks {
		a.open[id] = a.open[id] || thorough
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// take returns the open questions, and closes them.
func (a *asks) take() map[string]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	open := a.open
	a.open = map[string]bool{}
	return open
}
