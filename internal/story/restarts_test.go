package story

import (
	"testing"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestRestarts(t *testing.T) {
	n := func(n uint64) *uint64 { return &n }
	counted := func(n int) *fact.EngineReport { return &fact.EngineReport{RestartCount: &n} }
	for want, c := range map[string]model.Container{
		"": {Restarts: n(0), EngineReport: counted(0)},
		"It was started again once since nsviz watches.":                       {Restarts: n(1)},
		"It was started again 12 times since nsviz watches.":                   {Restarts: n(12), EngineReport: &fact.EngineReport{}},
		"docker counted 1 restart by its restart policy up to the latest end.": {Runtime: "docker", EngineReport: counted(1)},
		"It was started again 2 times since nsviz watches. Its engine counted 7 restarts by its restart policy up to the latest end.": {
			Restarts: n(2), Previous: &model.End{EngineReport: counted(7)},
		},
	} {
		if got := Restarts(&c).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
