package replay

import (
	"context"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// Who quits before the end of a recording has not resumed it.
func TestQuitBeforeTheEndIsNoResumption(t *testing.T) {
	p := New(nil, 1, time.After)
	ctx, quit := context.WithCancel(t.Context())
	quit()
	f := fact.Fact{Time: begin}
	p.live.Apply(f, f.Time)
	if _, err := p.next(); err != nil {
		t.Fatalf("nothing is left to play: %v", err)
	}
	if p.Resumed(ctx) {
		t.Error("resumed")
	}
}
