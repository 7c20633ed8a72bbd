package find

import (
	"testing"

	"github.com/nsviz/nsviz/internal/container"
)

// The end of a user's container that no event has reported is found.
func TestUsersContainerIsGone(t *testing.T) {
	o, loop := newFinderTest(t)
	loop.state = container.State{Init: 50}
	loop.cgroupless = []container.Cgroupless{{Ref: &container.Ref{ID: outsideID, User: 1000}, State: loop.state}}
	if err := o.newPass(loop).admitUsers(t.Context()); err != nil {
		t.Error(err)
	}
	loop.check(t, "its PID 1 is gone", "sync", "gone 50")
}
