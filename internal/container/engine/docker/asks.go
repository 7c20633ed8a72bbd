package docker

import (
	"maps"
	"sync"
)

const (
	// maxAsks limits the open questions.
	maxAsks = 1024
	// batch is how many of them go into one request; its URL then stays below 8 KiB.
	batch = 64
)

// asks are the open questions "who is this id?". Too many of them become one question "who is
// there?". So they are bounded and none is lost.
type asks struct {
	// wake holds a token while there is something to take.
	wake chan struct{}

	mu sync.Mutex
	// open are those that may be taken; fresh ones still wait for others to share their request.
	open, fresh map[string]struct{}
	everyone    bool
}

func newAsks() *asks {
	return &asks{wake: make(chan struct{}, 1), open: map[string]struct{}{}, fresh: map[string]struct{}{}}
}

// add asks for one id.
func (a *asks) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, asked := a.open[id]; !asked {
		a.fresh[id] = struct{}{}
	}
	if len(a.open)+len(a.fresh) > maxAsks {
		a.everyone = true
		clear(a.open)
		clear(a.fresh)
	}
	a.signal()
}

// again asks for ids once more, without a wait for others.
func (a *asks) again(ids []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		a.open[id] = struct{}{}
	}
}

// gathered ends the wait of the fresh ones.
func (a *asks) gathered() {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.Copy(a.open, a.fresh)
	clear(a.fresh)
	select {
	case <-a.wake:
	default:
	}
}

// addEveryone asks for all containers. The other questions stay: their answers may be there sooner.
func (a *asks) addEveryone() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.everyone = true
	a.signal()
}

// take hands out the ids of the next request; everyone means all containers instead, if that is allowed. Both are
// empty if no allowed question is open.
func (a *asks) take(mayBeEveryone bool) (ids []string, everyone bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.everyone && mayBeEveryone {
		a.everyone = false
		return nil, true
	}
	for id := range a.open {
		if len(ids) == batch {
			break
		}
		ids = append(ids, id)
		delete(a.open, id)
	}
	return ids, false
}

// signal puts the token in; the caller holds the lock.
func (a *asks) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}
