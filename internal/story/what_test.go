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

// A kill in what no container runtime made says what that is.
func TestKillInWhat(t *testing.T) {
	for want, c := range map[string]event.Container{
		"web: the kernel killed tail.":                            {ID: "a", Name: "web"},
		"bwrap-812 (bubblewrap sandbox): the kernel killed tail.": {ID: "pid-1", Name: "bwrap-812", Kind: event.KindSandbox, Runtime: "bubblewrap"},
		"unshare-7 (sandbox): the kernel killed tail.":            {ID: "pid-2", Name: "unshare-7", Kind: event.KindSandbox},
		"cron.service (service): the kernel killed tail.":         {ID: "/cron.service", Name: "cron.service", Kind: event.KindService, Runtime: "systemd"},
	} {
		k := &model.Kill{Event: event.Event{Container: &c, OOM: &event.OOM{Victim: event.Victim{Comm: "tail"}}}}
		if got := killWhat(k).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
