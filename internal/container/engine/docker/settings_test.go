package docker

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func answerJSON(v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(v) }
}

func TestSettings(t *testing.T) {
	e := newEngine(t)
	e.start()
	t.Cleanup(e.stop)
	e.answer(inspectPath(1), say(http.StatusOK, "application/json", `{
		"Image": "sha256:1", "RestartCount": 3, "AppArmorProfile": "docker-default",
		"HostConfig": {
			"Privileged": true, "ReadonlyRootfs": true, "NetworkMode": "host", "PidMode": "container:x", "IpcMode": "private", "UTSMode": "host",
			"UsernsMode": "host", "CgroupnsMode": "private", "CapAdd": ["CAP_KILL"], "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"],
			"Memory": 67108864, "NanoCpus": 500000000, "PidsLimit": 50
		},
		"NetworkSettings": {"Ports": {
			"53/udp": [{"HostIp": "127.0.0.1", "HostPort": "5353"}, {"HostIp": "", "HostPort": "1"}, {"HostIp": "::", "HostPort": ""}], "80/tcp": null
		}}
	}`))
	e.answer("/images/sha256:1/json", say(http.StatusOK, "application/json", `{"RootFS":{"Type":"layers","Layers":["sha256:a","sha256:b"]}}`))
	e.answer("/images/sha256:1/history", answerJSON([]image.HistoryResponseItem{
		{CreatedBy: "CMD top"}, {CreatedBy: "RUN second", Size: 7}, {CreatedBy: "ENV x=y"}, {CreatedBy: "ADD " + strings.Repeat("x", 1000), Size: 9},
	}))
	ask := func() (*fact.Settings, error) {
		return following(t, "unix://"+e.socket).Settings(t.Context(), id(1))
	}
	got, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	want := &fact.Settings{
		Engine: "docker", Privileged: true, ReadOnly: true, MemoryBytes: 64 << 20, CPUs: 0.5, PIDs: 50,
		Modes: map[event.NamespaceType]string{
			event.Net: "host", event.PID: "container:x", event.IPC: "private", event.UTS: "host", event.User: "host", event.CgroupNS: "private", event.Mnt: "",
		},
		CapAdd: []string{"CAP_KILL"}, CapDrop: []string{"ALL"}, NoNewPrivs: true, AppArmor: "docker-default", RestartCount: new(3),
		Ports:  []fact.PublishedPort{{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: 5353, ContainerPort: 53, Protocol: "udp"}},
		Layers: []fact.ImageLayer{{DiffID: "sha256:a", CreatedBy: cut("ADD "+strings.Repeat("x", 1000), engine.MaxDetail)}, {DiffID: "sha256:b", CreatedBy: "RUN second"}},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	// A step of no bytes that made a layer: which one it is, is unknown.
	e.answer("/images/sha256:1/history", answerJSON([]image.HistoryResponseItem{{CreatedBy: "RUN true"}, {CreatedBy: "ADD", Size: 9}}))
	if got, err := ask(); err != nil || got.Layers[0] != (fact.ImageLayer{DiffID: "sha256:a"}) {
		t.Errorf("%+v, %v", got.Layers, err)
	}
	e.answer("/images/sha256:1/json", say(http.StatusNotFound, "application/json", `{"message":"no such image"}`))
	if got, err := ask(); err != nil || got.Layers != nil || got.MemoryBytes == 0 {
		t.Errorf("without its image: %+v, %v", got, err)
	}
}

func TestSettingsOfLimits(t *testing.T) {
	for _, test := range []struct {
		resources dockertypes.Resources
		cpus      float64
		pids      uint64
	}{
		{dockertypes.Resources{}, 0, 0},
		{dockertypes.Resources{CPUQuota: 50_000}, 0.5, 0},
		{dockertypes.Resources{CPUQuota: 50_000, CPUPeriod: 25_000}, 2, 0},
		{dockertypes.Resources{CPUQuota: -1, PidsLimit: new(int64(-1)), Memory: -1}, 0, 0},
	} {
		got := settingsOf(dockertypes.InspectResponse{ContainerJSONBase: &dockertypes.ContainerJSONBase{HostConfig: &dockertypes.HostConfig{Resources: test.resources}}})
		if got.CPUs != test.cpus || got.PIDs != test.pids || got.MemoryBytes != 0 {
			t.Errorf("%+v: %+v", test.resources, got)
		}
	}
}

func TestSettingsOfSwap(t *testing.T) {
	for _, test := range []struct {
		memory, both int64
		want         *fact.Limit
	}{
		{0, 0, nil},
		{64 << 20, 0, nil}, // of an engine that cannot limit swap
		{64 << 20, -1, &fact.Limit{Unlimited: true}},
		{0, -1, &fact.Limit{Unlimited: true}},
		{64 << 20, 64 << 20, &fact.Limit{Value: new(0.0)}},
		{64 << 20, 96 << 20, &fact.Limit{Value: new(float64(32 << 20))}},
		{64 << 20, 1, nil},
	} {
		resources := dockertypes.Resources{Memory: test.memory, MemorySwap: test.both}
		got := settingsOf(dockertypes.InspectResponse{ContainerJSONBase: &dockertypes.ContainerJSONBase{HostConfig: &dockertypes.HostConfig{Resources: resources}}})
		if diff := cmp.Diff(test.want, got.Swap); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", resources, diff)
		}
	}
}

func TestSettingsOfSecurity(t *testing.T) {
	for option, want := range map[string]fact.Settings{
		"seccomp=unconfined": {SeccompUnconfined: true}, "seccomp:unconfined": {SeccompUnconfined: true}, "seccomp=builtin": {},
		"no-new-privileges": {NoNewPrivs: true}, "no-new-privileges=true": {NoNewPrivs: true}, "no-new-privileges:true": {NoNewPrivs: true},
		"no-new-privileges=false": {}, "label=disable": {},
	} {
		host := &dockertypes.HostConfig{SecurityOpt: []string{option}}
		got := settingsOf(dockertypes.InspectResponse{ContainerJSONBase: &dockertypes.ContainerJSONBase{HostConfig: host}})
		if got.SeccompUnconfined != want.SeccompUnconfined || got.NoNewPrivs != want.NoNewPrivs {
			t.Errorf("%s: %+v", option, got)
		}
	}
}

func TestSettingsFail(t *testing.T) {
	e := newEngine(t)
	e.start()
	t.Cleanup(e.stop)
	f := following(t, "unix://"+e.socket)
	for _, test := range []struct {
		answer http.HandlerFunc
		says   string
	}{
		{say(http.StatusNotFound, "application/json", `{"message":"No such container"}`), "the engine does not know the container"},
		{say(http.StatusInternalServerError, "application/json", `{"message":"no"}`), "inspection: "},
		{say(http.StatusOK, "application/json", `{}`), "no settings"},
		{say(http.StatusOK, "text/html", `<html>`), "not the Docker API's"},
	} {
		e.answer(inspectPath(1), test.answer)
		if got, err := f.Settings(t.Context(), id(1)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v, %v, want %q", got, err, test.says)
		}
	}
	// A question to a hung engine ends when its context does.
	ctx, cancel := context.WithCancel(t.Context())
	e.answer(inspectPath(1), func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hang(w, r)
	})
	if got, err := f.Settings(ctx, id(1)); err == nil {
		t.Errorf("%+v of an engine that hangs", got)
	}
	if got, err := following(t, "unix://"+t.TempDir()+"/docker.sock").Settings(t.Context(), id(1)); err == nil {
		t.Errorf("%+v of an engine that is not there", got)
	}
}
