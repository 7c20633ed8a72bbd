package story

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

func TestWhat(t *testing.T) {
	for _, test := range []struct {
		c    model.Container
		want string
	}{
		{model.Container{}, ""},
		{model.Container{Runtime: "docker"}, ""},
		{model.Container{Runtime: "docker", Image: "nginx"}, "nginx"},
		{model.Container{Runtime: "docker", Image: "kindest/node", Inside: 3}, "3 inside, kindest/node"},
		{model.Container{Runtime: "docker", Inside: 1}, "1 inside"},
		{model.Container{Kind: event.KindSandbox, Runtime: "bubblewrap"}, "bubblewrap sandbox"},
		{model.Container{Kind: event.KindSandbox}, "sandbox"},
		{model.Container{Kind: event.KindSandbox, Runtime: "bubblewrap", InitComm: "firefox"}, "bubblewrap sandbox (firefox)"},
		{model.Container{Kind: event.KindService, Runtime: "systemd"}, "service"},
		{model.Container{Runtime: "lxc"}, "lxc"},
		{model.Container{Runtime: "buildkit"}, "buildkit"},
	} {
		if got := What(&test.c); got != test.want {
			t.Errorf("%+v: %q, want %q", test.c, got, test.want)
		}
	}
}
