package docker

import (
	"strings"
	"testing"

	dockertypes "github.com/docker/docker/api/types/container"
)

// Other labels, however many and long, leave no group out.
func TestGroupAmongManyLabels(t *testing.T) {
	labels := map[string]string{"com.docker.compose.project": "shop"}
	for n := range 1000 {
		labels["a"+strings.Repeat("a", n)] = strings.Repeat("x", n)
	}
	got, ok := fromSummary("docker", &dockertypes.Summary{ID: id(1), Names: []string{"/web"}, Labels: labels})
	if !ok || got.Group == nil || got.Group.Name != "shop" {
		t.Errorf("%+v", got.Group)
	}
}
