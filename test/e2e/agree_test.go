//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

// namespaceDiff compares ids with those that the kernel shows for a process.
func namespaceDiff(t *testing.T, pid int32, got event.NamespaceIDs) string {
	t.Helper()
	var want event.NamespaceIDs
	for _, typ := range event.NamespaceTypes() {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, typ))
		if err != nil {
			t.Fatal(err)
		}
		id := strings.TrimSuffix(strings.TrimPrefix(link, typ.String()+":["), "]")
		if want[typ], err = strconv.ParseUint(id, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return cmp.Diff(want, got)
}

// psEntry is what the test checks of `nsviz ps -o json`.
type psEntry struct {
	ID       string
	Name     string
	Image    string
	Runtime  string
	Restarts *uint64
	// EngineRestarts is the engine's own count.
	EngineRestarts *uint64 `json:"engine_restarts"`
	PID            int32
	Started        time.Time
	Namespaces     map[event.NamespaceType]struct {
		ID             uint64
		SharedWithHost *bool    `json:"shared_with_host"`
		SharedWith     []string `json:"shared_with"`
	}
	Memory struct {
		UsageBytes *uint64 `json:"usage_bytes"`
		LimitBytes *uint64 `json:"limit_bytes"`
		Unlimited  bool
	}
	OOMKills *uint64 `json:"oom_kills"`
}

func TestPsAgreesWithEngine(t *testing.T) {
	containers := map[string][]string{
		"nsviz-test-ps-web":     nil,
		"nsviz-test-ps-sidecar": {"--memory=32m", "--network=container:nsviz-test-ps-web"},
		"nsviz-test-ps-agent":   {"--pid=host", "--network=host"},
	}
	for _, name := range []string{"nsviz-test-ps-web", "nsviz-test-ps-sidecar", "nsviz-test-ps-agent"} {
		removeContainer(t, name)
		docker(t, append(append([]string{"run", "-d", "--name", name}, containers[name]...), busyboxImage, "sleep", "1000")...)
	}
	var list []psEntry
	nsvizJSON(t, &list, "ps", "-o", "json")
	byName := map[string]psEntry{}
	for _, c := range list {
		byName[c.Name] = c
	}
	for name := range containers {
		c, ok := byName[name]
		if !ok {
			t.Errorf("ps does not list %s", name)
			continue
		}
		var inspected []struct {
			ID      string `json:"Id"`
			Created time.Time
			State   struct {
				Pid       int32
				StartedAt time.Time
			}
			HostConfig struct{ Memory uint64 }
			Config     struct{ Image string }
		}
		if err := json.Unmarshal([]byte(docker(t, "inspect", name)), &inspected); err != nil {
			t.Fatal(err)
		}
		want := inspected[0]
		if c.ID != want.ID || c.PID != want.State.Pid || c.Image != want.Config.Image || c.Runtime != "docker" {
			t.Errorf("%s: %+v, docker inspect says %+v", name, c, want)
		}
		// A process starts before the engine reports it, by seconds on a slow machine. Start times in /proc are in hundredths
		// of a second since a boot time in full seconds.
		const grain = 1500 * time.Millisecond
		if c.Started.Before(want.Created.Add(-grain)) || c.Started.After(want.State.StartedAt.Add(grain)) {
			t.Errorf("%s: started %v, docker inspect says between %v and %v", name, c.Started, want.Created, want.State.StartedAt)
		}
		if want.HostConfig.Memory != 0 {
			if c.Memory.LimitBytes == nil || *c.Memory.LimitBytes != want.HostConfig.Memory || c.Memory.Unlimited {
				t.Errorf("%s: memory %+v, want a limit of %d", name, c.Memory, want.HostConfig.Memory)
			}
		} else if !c.Memory.Unlimited || c.Memory.LimitBytes != nil {
			t.Errorf("%s: memory %+v, want no limit", name, c.Memory)
		}
		var ids event.NamespaceIDs
		for typ, m := range c.Namespaces {
			ids[typ] = m.ID
		}
		if diff := namespaceDiff(t, c.PID, ids); diff != "" {
			t.Errorf("%s: namespaces (-kernel +ps):\n%s", name, diff)
		}
	}
	shared := func(name string, typ event.NamespaceType) string {
		m := byName[name].Namespaces[typ]
		return fmt.Sprint(*m.SharedWithHost, m.SharedWith)
	}
	for _, c := range []struct {
		name string
		typ  event.NamespaceType
		want string
	}{
		{"nsviz-test-ps-web", event.Net, "false [nsviz-test-ps-sidecar]"},
		{"nsviz-test-ps-sidecar", event.Net, "false [nsviz-test-ps-web]"},
		{"nsviz-test-ps-web", event.PID, "false []"},
		{"nsviz-test-ps-agent", event.Net, "true []"},
		{"nsviz-test-ps-agent", event.PID, "true []"},
		{"nsviz-test-ps-agent", event.Mnt, "false []"},
	} {
		if got := shared(c.name, c.typ); got != c.want {
			t.Errorf("%s %s: shared with host and with %s, want %s", c.name, c.typ, got, c.want)
		}
	}
}
