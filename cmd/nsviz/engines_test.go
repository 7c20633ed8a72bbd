package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/nsviz/nsviz/internal/collect/names"
	"github.com/nsviz/nsviz/internal/container/engine/sockets"
	"github.com/nsviz/nsviz/internal/host/netfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestChosenEngines(t *testing.T) {
	many := make([]string, names.MaxEngines+1)
	for i := range many {
		many[i] = fmt.Sprintf("tcp://127.0.0.1:%d", 1000+i)
	}
	for name, test := range map[string]struct {
		hosts  []string
		env    string
		want   []string // nil is a usage error
		others bool
	}{
		"nothing":           {nil, "", []string{"docker unix:///var/run/docker.sock"}, true},
		"environment":       {nil, "unix:///x/podman.sock", []string{"podman unix:///x/podman.sock"}, false},
		"one":               {[]string{"unix:///a"}, "unix:///x", []string{"docker unix:///a"}, false},
		"several":           {[]string{"tcp://127.0.0.1:1", "unix:///b/podman.sock"}, "", []string{"docker tcp://127.0.0.1:1", "podman unix:///b/podman.sock"}, false},
		"the same twice":    {[]string{"unix:///a", "unix:///b", "unix:///a"}, "", []string{"docker unix:///a", "docker unix:///b"}, false},
		"as many as may be": {many[1:], "", nil, false},
		"one too many":      {many, "", nil, false},
		"a bad one":         {[]string{"unix:///a", "nonsense"}, "", nil, false},
	} {
		t.Setenv("DOCKER_HOST", test.env)
		o := &options{engineHosts: test.hosts}
		chosen, find, err := o.engines(slog.New(slog.DiscardHandler))
		if name == "as many as may be" {
			if len(chosen) != names.MaxEngines || err != nil {
				t.Errorf("%s: %d, %v", name, len(chosen), err)
			}
			continue
		}
		var got []string
		for _, e := range chosen {
			got = append(got, e.Name()+" "+e.Address())
		}
		if usage, _ := errors.AsType[errUsage](err); test.want == nil && usage.error == nil || test.want != nil && (err != nil || !slices.Equal(got, test.want)) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if (find != nil) != test.others {
			t.Errorf("%s: others are found: %v", name, find != nil)
		}
	}
}

// Engines with the CRI API that the command line names are followed alone, or beside those of --docker-host.
func TestChosenCRIEndpoints(t *testing.T) {
	const crio, containerd = "unix:///run/crio/crio.sock", "unix:///x/containerd.sock"
	t.Setenv("DOCKER_HOST", "unix:///x")
	for name, test := range map[string]struct {
		hosts, endpoints []string
		want             []string // nil is a usage error
	}{
		"alone":         {nil, []string{crio, containerd, crio}, []string{"cri-o " + crio, "containerd " + containerd}},
		"beside Docker": {[]string{"unix:///a"}, []string{crio}, []string{"docker unix:///a", "cri-o " + crio}},
		"a bad one":     {nil, []string{"tcp://127.0.0.1:1"}, nil},
		"too many":      {[]string{"unix:///a"}, slices.Repeat([]string{crio}, names.MaxEngines), nil},
	} {
		o := &options{engineHosts: test.hosts, criEndpoints: test.endpoints}
		chosen, find, err := o.engines(slog.New(slog.DiscardHandler))
		var got []string
		for _, e := range chosen {
			got = append(got, e.Name()+" "+e.Address())
		}
		if usage, _ := errors.AsType[errUsage](err); test.want == nil && usage.error == nil || test.want != nil && (err != nil || !slices.Equal(got, test.want)) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if find != nil {
			t.Errorf("%s: others are found", name)
		}
	}
}

// Each socket that is found has one engine for as long as it is there.
func TestFoundEngines(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	uid := max(os.Geteuid(), 1)
	socket := fmt.Sprintf("%s/run/user/%d/podman/podman.sock", root, uid)
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	proc := pseudofs.Proc(pseudofs.DefaultProc)
	find := foundEngines(sockets.New(sockets.Config{Proc: procfs.New(proc), Net: netfs.New(proc), Root: root}), slog.New(slog.DiscardHandler))
	if list := find(); len(list) != 0 {
		t.Errorf("found %v", list)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	first, again := find(), find()
	if len(first) != 1 || !slices.Equal(first, again) {
		t.Fatalf("found %v and %v", first, again)
	}
	if e := first[0]; e.Name() != "podman" || e.Address() != "unix://"+socket || e.User() != uint32(uid) {
		t.Errorf("%s at %s of %d", e.Name(), e.Address(), e.User())
	}
	l.Close()
	if list := find(); len(list) != 0 {
		t.Errorf("found %v where there is no socket", list)
	}
}
