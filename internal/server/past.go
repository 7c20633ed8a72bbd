package server

import (
	"context"
	"fmt"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/store"
	"github.com/nsviz/nsviz/internal/turns"
)

// past answers questions about the past one after the other, at the pace of snapshots.
type past struct {
	kept  *store.Timeline // nil keeps nothing
	turns *turns.Turns
}

func newPast(kept *store.Timeline) *past { return &past{kept, turns.New(1, modelPace)} }

// notKeptError reports that a time is before what is kept.
type notKeptError struct{ at, first time.Time }

func (e *notKeptError) Error() string {
	if e.first.IsZero() {
		return "this nsviz keeps nothing of the past"
	}
	return fmt.Sprintf("what was at %s is not kept; the past goes back to %s", e.at.Format(time.RFC3339), e.first.Format(time.RFC3339))
}

// full returns the full snapshot of a time.
func (p *past) full(ctx context.Context, at time.Time) (*model.Snapshot, error) {
	if p.kept == nil {
		return nil, &notKeptError{at: at}
	}
	done, err := p.turns.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	facts, kept := p.kept.At(at)
	if !kept {
		return nil, &notKeptError{at, p.kept.Place(facts).First.Time}
	}
	return p.kept.Full(facts), nil
}

// within returns the latest events whose JSON has so many bytes in all, one at least.
func within(list []event.Event, most int) []event.Event {
	for i := len(list) - 1; i >= 0; i-- {
		if most -= len(encode(list[i])); most < 0 {
			return list[min(i+1, len(list)-1):]
		}
	}
	return list
}
