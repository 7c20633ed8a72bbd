//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// A container in another one's network is left in a dead one when that is restarted. An nsviz that watched reports this, and so
// does one that is started later.
func TestDeadNetwork(t *testing.T) {
	const vpn, app = "nsviz-test-vpn", "nsviz-test-app"
	for _, name := range []string{vpn, app} {
		removeContainer(t, name)
	}
	address := freeAddress(t)
	dashboard := tmux(t, 160, 40, nil, binary(), "--web.listen-address", address)
	dashboard.await(t, contains("● live", "metrics on"))
	docker(t, "run", "-d", "--name", vpn, busyboxImage, "sleep", "1000")
	docker(t, "run", "-d", "--name", app, "--network=container:"+vpn, "--ipc=private", busyboxImage, "sleep", "1000")
	var before report.ContainerAnswer
	eventually(t, func() bool {
		before, _ = why(t, address, app)
		return before.State == model.Running
	}, func() string { return fmt.Sprintf("%s does not run: %+v", app, before) })
	if before.Abandoned != nil || strings.Contains(before.Sentence, "dead") {
		t.Errorf("both are in it: %+v", before)
	}
	docker(t, "restart", "-t", "0", vpn)

	says := "Its network is a dead one: " + vpn + " got a new one at "
	check := func(address string) report.ContainerAnswer {
		t.Helper()
		var a report.ContainerAnswer
		eventually(t, func() bool {
			a, _ = why(t, address, app)
			return a.Abandoned[event.Net] != nil && !a.Abandoned[event.Net].Ended
		}, func() string {
			of, _ := why(t, address, vpn)
			return strings.Join(slices.Concat([]string{"it is in no abandoned network:"}, words(&a.Container, a.History), []string{"which was made for:"}, words(&of.Container, of.History)), "\n")
		})
		by := a.Abandoned[event.Net]
		started, err := time.Parse(time.RFC3339Nano, docker(t, "inspect", "-f", "{{.State.StartedAt}}", vpn))
		// The engine reports it some time later.
		if err != nil || len(a.Abandoned) != 1 || by.By != vpn || started.Sub(by.Since).Abs() > patience {
			t.Errorf("abandoned by %+v; the engine started %s at %v, %v", by, vpn, started, err)
		}
		if !strings.Contains(a.Sentence, says) || !strings.Contains(a.Sentence, "; restart "+app+".") {
			t.Errorf("it says: %s", a.Sentence)
		}
		return a
	}
	a := check(address)
	reported := false
	for _, m := range a.History {
		reported = reported || m.Kind == model.EntryAbandoned && m.Container != nil && m.Container.Name == vpn
	}
	if !reported {
		t.Errorf("its history has nothing of that: %+v", a.History)
	}
	check(startServe(t)) // this one has found both running

	dashboard.find(t, app)
	dashboard.await(t, match(`(?m)^..`+app+` .* ! .*\n`))
	dashboard.await(t, contains("! a dead one"))
	dashboard.keys(t, "Enter")
	dashboard.await(t, func(screen string) bool { return strings.Contains(prose(screen), says) })

	found := false
	for _, f := range inspect(t, app).Findings {
		found = found || f.ID == "abandoned_net_namespace" && f.Severity == anatomy.Medium
	}
	if !found {
		t.Error("inspect finds nothing")
	}
	docker(t, "restart", "-t", "0", app) // as nsviz advises
	eventually(t, func() bool {
		a, _ = why(t, address, app)
		return a.Previous != nil && a.State == model.Running
	}, func() string { return fmt.Sprintf("%+v", a) })
	if a.Abandoned != nil || strings.Contains(strings.Split(a.Sentence, "Of its run before")[0], "dead") {
		t.Errorf("they are together again: %s", a.Sentence)
	}
}
