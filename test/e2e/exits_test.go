//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"testing"
)

// Most containers have a single end: a step from 0 to 1, which increase() must see. A real Prometheus reads it as OpenMetrics,
// with the time at which the counter was created.
func TestExitIsAStep(t *testing.T) {
	const name = "nsviz-test-exit"
	removeContainer(t, name)
	address := startServe(t)
	p := startPrometheus(t, address)
	exits := fmt.Sprintf(`nsviz_container_exits_total{container=%q,cause="signal"}`, name)
	value := func(want float64) func() bool {
		return func() bool {
			list := p.now(t, exits)
			return len(list) == 1 && list[0].last() == want
		}
	}
	docker(t, "run", "-d", "--name", name, busyboxImage, "sleep", "1000")
	eventually(t, value(0), func() string { return fmt.Sprint("it does not start at 0: ", p.now(t, exits)) })
	docker(t, "kill", name)
	eventually(t, value(1), func() string { return fmt.Sprint("it is not counted: ", p.now(t, exits)) })
	if list := p.at(t, p.lastScrape(t), fmt.Sprintf("increase(%s[10m])", exits)); len(list) != 1 || math.Round(list[0].last()) != 1 {
		t.Errorf("increase() sees %v, want 1", list)
	}
	created := fmt.Sprintf(`nsviz_container_exits_created{container=%q,cause="signal"}`, name)
	now := p.lastScrape(t)
	if list := p.now(t, created); len(list) != 1 || list[0].last() > now || list[0].last() < float64(p.began.Unix()) {
		t.Errorf("created: %v, want a time between %d and %v", list, p.began.Unix(), now)
	}
}
