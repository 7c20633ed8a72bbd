package story

import (
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// What was renamed says how it was called before, live or dead.
func TestFormerNames(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 11, 23, hour, 0, 0, 0, time.UTC) }
	for _, state := range []model.ContainerState{model.Running, model.Exited, model.Created} {
		c := model.Container{
			ID: webID, Label: "shop", Named: true, Runtime: "docker", State: state,
			FormerNames: []fact.FormerName{{Name: "web", Until: at(7)}, {Name: "site", Until: at(8)}},
		}
		const want = " It was called site until it was renamed at 2026-11-23 08:00:00.000 UTC, before that web."
		if got := Container(&c, &model.Snapshot{}).String(); !strings.HasPrefix(got, "shop ") || !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s", state, got)
		}
	}
}
