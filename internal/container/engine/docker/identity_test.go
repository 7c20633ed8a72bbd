package docker

import (
	"strings"
	"testing"
	"unicode/utf8"

	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
)

func TestFromSummary(t *testing.T) {
	for name, tt := range map[string]struct {
		names []string
		image string
		want  container.Identity
	}{
		"plain":             {[]string{"/web"}, "nginx:1", container.Identity{Name: "web", Image: "nginx:1"}},
		"links come first":  {[]string{"/app/db", "/front/db/x", "/postgres"}, "", container.Identity{Name: "postgres"}},
		"without a slash":   {[]string{"web"}, "", container.Identity{Name: "web"}},
		"image is an id":    {[]string{"/a"}, "sha256:" + id(0xabc), container.Identity{Name: "a", Image: "000000000abc"}},
		"image is a digest": {[]string{"/a"}, "reg/x@sha256:" + id(1), container.Identity{Name: "a", Image: "reg/x@sha256:" + id(1)}},
		"image looks like an id": {
			[]string{"/a"}, "sha256:" + strings.Repeat("x", 64),
			container.Identity{Name: "a", Image: "sha256:" + strings.Repeat("x", 64)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := fromSummary("docker", &dockertypes.Summary{ID: id(1), Names: tt.names, Image: tt.image})
			tt.want.ID, tt.want.Runtime = id(1), "docker"
			if diff := cmp.Diff(tt.want, got); !ok || diff != "" {
				t.Errorf("ok %v, -want +got:\n%s", ok, diff)
			}
		})
	}
	for name, c := range map[string]dockertypes.Summary{
		"no name":        {ID: id(1)},
		"only links":     {ID: id(1), Names: []string{"/a/b", "/"}},
		"no id":          {Names: []string{"/a"}},
		"id is no id":    {ID: strings.Repeat("g", 64), Names: []string{"/a"}},
		"id is too long": {ID: id(1) + "0", Names: []string{"/a"}},
	} {
		if got, ok := fromSummary("docker", &c); ok {
			t.Errorf("%s: made %v of it", name, got)
		}
	}
}

// Labels that are called like the engine's own attributes can neither forge a name nor show up as
// labels with another's value.
func TestFromAttributes(t *testing.T) {
	got, ok := fromAttributes("docker", id(1), map[string]string{
		"name": "web", "oldName": "a label, or the name before", "image": "nginx", "com.docker.compose.project": "shop",
	})
	want := container.Identity{
		ID: id(1), Runtime: "docker", Name: "web", Image: "nginx",
		Labels: map[string]string{"com.docker.compose.project": "shop"},
		Group:  &event.Group{Kind: event.GroupCompose, Name: "shop"},
	}
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("ok %v, -want +got:\n%s", ok, diff)
	}
	if _, ok := fromAttributes("docker", id(1), nil); ok {
		t.Error("made an identity without a name")
	}
	if _, ok := fromAttributes("docker", "nonsense", map[string]string{"name": "web"}); ok {
		t.Error("made an identity without an id")
	}
}

func TestBounds(t *testing.T) {
	long := strings.Repeat("界", maxName)
	got, ok := fromSummary("docker", &dockertypes.Summary{ID: id(1), Names: []string{"/" + long}, Image: long})
	if !ok || len(got.Name) > maxName || len(got.Image) > maxName || !utf8.ValidString(got.Name) {
		t.Errorf("ok %v, name of %d bytes, image of %d", ok, len(got.Name), len(got.Image))
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		in    string
		limit int
		want  string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"aä", 2, "a"}, {"界", 2, ""}, {"", 0, ""}, {"\x80\x80\x80", 2, ""},
	} {
		if got := cut(tt.in, tt.limit); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}
