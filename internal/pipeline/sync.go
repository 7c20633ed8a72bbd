package pipeline

import (
	"context"

	"github.com/nsviz/nsviz/internal/probes"
)

// Sync waits until the snapshot and the sinks have everything that the kernel had reported by now. It returns false if ctx is done
// before, which has to be done when Run returns.
func (p *Pipeline) Sync(ctx context.Context) bool {
	done := make(chan struct{})
	select {
	case p.syncs <- done:
	case <-ctx.Done():
		return false
	}
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// synchronise answers Sync.
func (p *Pipeline) synchronise(ctx context.Context, kernel *probes.Probes) {
	for {
		select {
		case done := <-p.syncs:
			if kernel.Sync(ctx) {
				p.ask(marker{}) // after what was delivered
				close(done)
			}
		case <-ctx.Done():
			return
		}
	}
}

// marker is a message of which only the place in the order matters.
type marker struct{}

func (marker) handle(*loop) {}
