package metrics

import (
	"maps"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nsviz/nsviz/internal/model"
)

func TestMerge(t *testing.T) {
	got := merge(map[string]uint64{"A": 2, "a": 3, "b": 1}, strings.ToLower)
	if want := map[string]uint64{"a": 5, "b": 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The containers' own labels that are asked for are labels of nsviz_container_info, whatever is in them.
func TestContainerLabels(t *testing.T) {
	s := &model.Snapshot{Containers: []model.Container{
		{ID: "1", Label: "web", State: model.Running, Labels: map[string]string{"com.example/team": "shop\n\"} 1", "other": "not this"}},
		{ID: "2", Label: "db", State: model.Running},
	}}
	cfg := configOf(s)
	cfg.Labels = []string{"com.example/team", "Größe"}
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(NewCollector(cfg)); err != nil {
		t.Fatal(err)
	}
	text := scrape(t, registry)
	for _, want := range []string{
		`nsviz_container_info{container="web",id="1",image="",kind="container",label_Gr__e="",label_com_example_team="shop\\x0a\"} 1",namespace="",pod="",project="",runtime=""} 1`,
		`nsviz_container_info{container="db",id="2",image="",kind="container",label_Gr__e="",label_com_example_team="",namespace="",pod="",project="",runtime=""} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	cfg.Labels = []string{"a.b", "a_b"}
	if err := prometheus.NewRegistry().Register(NewCollector(cfg)); err == nil {
		t.Error("two labels have the same name")
	}
}
