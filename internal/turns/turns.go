// Package turns lets only so many do their work at a time, and rests after each: whoever may ask a server decides how often, and may be in a
// container with less CPU than its questions take, which nsviz would then use for it.
package turns

import (
	"context"
	"time"

	"github.com/nsviz/nsviz/internal/pause"
)

// Turns are places for work. Any number of goroutines may use them at a time.
type Turns struct {
	places chan struct{} // holds one for each that is taken
	pace   pause.Pace
}

// New returns n places, each of which stays taken after its work for as long as the pace says.
func New(n int, pace pause.Pace) *Turns { return &Turns{make(chan struct{}, n), pace} }

// Quarter returns the pace at which n places use a quarter of n CPUs at most, unless that asks for a pause longer than longest.
func Quarter(longest time.Duration) pause.Pace { return pause.Pace{Factor: 3, Most: longest} }

// Take waits for a place, and returns what has to be called once the work is done. It fails when ctx is done.
func (t *Turns) Take(ctx context.Context) (done func(), err error) {
	select {
	case t.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return t.begin(), nil
}

// TryTake is Take for one who does not wait. It returns false if there is no place.
func (t *Turns) TryTake() (done func(), ok bool) {
	select {
	case t.places <- struct{}{}:
		return t.begin(), true
	default:
		return nil, false
	}
}

func (t *Turns) begin() (done func()) {
	began := time.Now()
	return func() {
		time.AfterFunc(t.pace.After(time.Since(began)), func() { <-t.places })
	}
}
