package pipeline

import (
	"context"
	"errors"
	"testing"
)

// When the probes cannot be read any more nsviz ends, and with it what reads the host beside them.
func TestAllReadersEndWithTheFirst(t *testing.T) {
	failed := errors.New("the rings cannot be read")
	ended := make(chan struct{}, 2)
	wait := func(ctx context.Context) {
		<-ctx.Done()
		ended <- struct{}{}
	}
	err := together(t.Context(), func(context.Context) error { return failed }, wait, wait)
	if !errors.Is(err, failed) || len(ended) != 2 {
		t.Errorf("%v, and %d of 2 others have ended", err, len(ended))
	}
}
