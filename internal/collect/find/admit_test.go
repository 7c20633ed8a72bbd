package find

import (
	"testing"
	"time"
)

// TestSettledKills: a kill between the time and the count would count twice, once as counted and once as an event of
// after that time.
func TestSettledKills(t *testing.T) {
	clock := time.Unix(0, 0)
	now := func() time.Time { return clock }
	// The kernel's counts, one a millisecond; kills happen at 1, 2 and 3 ms.
	kills := func() (*uint64, error) {
		n := uint64(min(clock.Sub(time.Unix(0, 0))/time.Millisecond, 3))
		clock = clock.Add(time.Millisecond)
		return &n, nil
	}
	count, at, err := settledKills(now, kills)
	if err != nil || count == nil {
		t.Fatal(count, err)
	}
	after := uint64(0)
	for kill := 1; kill <= 3; kill++ {
		if time.Unix(0, 0).Add(time.Duration(kill) * time.Millisecond).After(at) {
			after++
		}
	}
	if *count+after != 3 {
		t.Errorf("%d counted and %d after that, of 3 kills", *count, after)
	}
}
