package ondisk

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func TestSettings(t *testing.T) {
	private := func(t event.NamespaceType) bool { return t != event.User && t != event.CgroupNS && t != event.Time }
	modes := func(net string) map[event.NamespaceType]string {
		m := map[event.NamespaceType]string{event.User: "host", event.CgroupNS: "host"}
		for _, kind := range event.NamespaceTypes() {
			if private(kind) {
				m[kind] = "private"
			}
		}
		m[event.Net] = net
		return m
	}
	const namespaces = `"namespaces":[{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"network","path":"/proc/7/ns/net"}]`
	for name, test := range map[string]struct {
		config string
		want   fact.Settings
	}{
		"all": {
			`{"root":{"readonly":true},"process":{"capabilities":{"bounding":["CAP_CHOWN"]},"noNewPrivileges":true,"apparmorProfile":"cri"},
			"linux":{"seccomp":{"defaultAction":"SCMP_ACT_ERRNO"},"resources":{"memory":{"limit":67108864,"swap":134217728},"cpu":{"quota":50000},
			"pids":{"limit":30}},` + namespaces + `}}`,
			fact.Settings{
				Engine: "containerd", ReadOnly: true, Modes: modes("container:/proc/7/ns/net"), MemoryBytes: 64 << 20, Swap: &fact.Limit{Value: new(float64(64 << 20))},
				CPUs: 0.5, PIDs: 30, CapAdd: []string{"CAP_CHOWN"}, CapDrop: []string{"all"}, NoNewPrivs: true, AppArmor: "cri",
			},
		},
		"no limits": {
			`{"process":{},"linux":{"resources":{"memory":{"limit":-1,"swap":-1},"cpu":{"quota":-1,"period":0},"pids":{"limit":0}},` + namespaces + `}}`,
			fact.Settings{
				Engine: "containerd", Modes: modes("container:/proc/7/ns/net"), Swap: &fact.Limit{Unlimited: true}, CapDrop: []string{"all"}, SeccompUnconfined: true,
			},
		},
		"nothing": {`{}`, fact.Settings{Engine: "containerd", Modes: map[event.NamespaceType]string{}, SeccompUnconfined: true}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.write(tasksDir+"/default/web/config.json", test.config)
			got, err := h.source().Settings(t.Context(), "web")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got, err := newHost(t).source().Settings(t.Context(), idA); err == nil {
		t.Errorf("of nothing: %+v", got)
	}
}
