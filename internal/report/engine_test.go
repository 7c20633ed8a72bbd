package report

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// What a user's own engine does matters only where containers may be its own.
func TestMissingNamesOfAUsersEngine(t *testing.T) {
	e := fact.Engine{Name: "docker", Address: "unix:///run/user/1000/docker.sock", User: 1000, State: fact.EngineFailing, Detail: "no"}
	s := &model.Snapshot{Engines: []fact.Engine{{Name: "docker", Address: "unix:///var/run/docker.sock"}, e}}
	if got := MissingNames(e, s, time.Second); got != "" {
		t.Errorf("without containers: %q", got)
	}
	s.Containers = []model.Container{{ID: "7edab7c9fba3", Runtime: "docker"}}
	if got := MissingNames(e, s, time.Second); got != "docker at /run/user/1000/docker.sock does not answer (no): names are missing" {
		t.Error(got)
	}
}

func TestMissingNames(t *testing.T) {
	nameless := []model.Container{{ID: "7edab7c9fba3", Label: "7edab7c9fba3", Runtime: "docker", State: model.Running}}
	named := []model.Container{{ID: "7edab7c9fba3", Label: "web", Named: true, Runtime: "docker", State: model.Running}}
	podmans := []model.Container{{ID: "7edab7c9fba3", Label: "7edab7c9fba3", Runtime: "podman", State: model.Running}}
	for _, tt := range []struct {
		state      fact.EngineState
		detail     string
		containers []model.Container
		want       string
	}{
		{fact.EngineConnected, "20.10.24, API 1.41", nameless, ""},
		{fact.EngineConnecting, "", nil, "docker does not answer (no answer within 2s): names are missing"},
		{fact.EngineConnecting, "the event stream ended", nil, "docker does not answer (no answer within 2s): names are missing"},
		{fact.EngineFailing, "does not answer the ping within 3s", nil, "docker does not answer the ping within 3s: names are missing"},
		{
			fact.EngineFailing, "container list: the answer is larger than 32 MiB", nil,
			"docker does not answer (container list: the answer is larger than 32 MiB): names are missing",
		},
		{fact.EngineAbsent, "no socket at /var/run/docker.sock", nil, ""},
		{fact.EngineAbsent, "no socket at /var/run/docker.sock", podmans, ""},
		{fact.EngineAbsent, "no socket at /var/run/docker.sock", named, ""},
		{fact.EngineConnecting, "", named, "docker does not answer (no answer within 2s): names come from its files"},
		{fact.EngineFailing, "does not answer the ping within 3s", named, "docker does not answer the ping within 3s: names come from its files"},
		{fact.EngineConnecting, "", append(named, nameless...), "docker does not answer (no answer within 2s): names are missing"},
		{
			fact.EngineAbsent, "no socket at /var/run/docker.sock", nameless,
			"docker does not answer (no socket at /var/run/docker.sock): names are missing",
		},
	} {
		e := fact.Engine{Name: "docker", State: tt.state, Detail: tt.detail}
		if got := MissingNames(e, &model.Snapshot{Containers: tt.containers}, 2*time.Second); got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.state, tt.detail, got, tt.want)
		}
	}
}
