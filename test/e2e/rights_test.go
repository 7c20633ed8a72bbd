//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// asUserWith runs a command as another user with exactly these capabilities.
func asUserWith(rights string, command ...string) *exec.Cmd {
	args := []string{"--reuid=65534", "--regid=65534", "--clear-groups"}
	for _, set := range []string{"--inh-caps", "--ambient-caps", "--bounding-set"} {
		args = append(args, set+"=-all"+rights)
	}
	return exec.Command("setpriv", slices.Concat(args, []string{"--"}, command)...)
}

// hidingProcesses runs a command where /proc hides the processes of other users.
func hidingProcesses(cmd *exec.Cmd) *exec.Cmd {
	return exec.Command("unshare", slices.Concat([]string{"--mount", "--", "sh", "-c", `mount -t proc -o hidepid=2 proc /proc && exec "$0" "$@"`}, cmd.Args)...)
}

const (
	watchRights = ",+bpf,+perfmon"
	allRights   = watchRights + ",+sys_ptrace,+dac_read_search"
)

// With the capabilities that docs/INSTALL.md lists for all hosts, nsviz sees kills and the members of namespaces.
func TestListedRightsSuffice(t *testing.T) {
	const name = "nsviz-test-rights"
	removeContainer(t, name)
	_, open := openDir(t)
	events := startEventsBy(t, asUserWith(allRights, open, "events", "-o", "json"))
	said := events.stderr.String()
	if !match(`missing="`+string(fact.ProbeCgroupWrites)+`"`)(said) || strings.Contains(said, "is missing, so") || strings.Contains(said, "may not look") {
		t.Errorf("events says:\n%s", said)
	}
	id := docker(t, "run", "-d", "--name", name, "--memory=32m", busyboxImage, "sh", "-c", "sleep 1000 & tail /dev/zero; wait")
	kill := events.await(t, 1, func(e *event.Event) bool {
		return e.Type == event.OOMKill && e.Container != nil && e.Container.ID == id
	})[0]
	if kill.OOM.Scope != event.ScopeCgroup || kill.OOM.Victim.Comm != "tail" {
		t.Errorf("%+v", kill.OOM)
	}
	pid, err := strconv.Atoi(docker(t, "inspect", "-f", "{{.State.Pid}}", name))
	if err != nil {
		t.Fatal(err)
	}
	cmd := asUserWith(allRights, open, "ns")
	stdout, stderr, code := outcome(t, cmd)
	if code != 0 || strings.Contains(stderr, "CAP_SYS_PTRACE") || strings.Contains(stdout, "at least") {
		t.Errorf("exit code %d\n%s%s", code, stderr, stdout)
	}
	if want := fmt.Sprintf("%d  %s, ", namespaceOf(t, pid, event.Net), name); !strings.Contains(stdout, want) {
		t.Errorf("want %q in\n%s", want, stdout)
	}
}

// Without the right to look into the processes of others, and behind hidepid, nsviz reports as unknown what it may not see: in
// its log at the start, in ns, in doctor and in the metrics.
func TestWhatMayNotBeSeenIsUnknown(t *testing.T) {
	_, open := openDir(t)
	for name, tt := range map[string]struct {
		by     func(*exec.Cmd) *exec.Cmd
		says   string
		unseen bool // is counted
	}{
		"no right": {func(cmd *exec.Cmd) *exec.Cmd { return cmd }, "nsviz may not look into", true},
		"hidepid":  {hidingProcesses, "hides the processes of other users", false},
	} {
		t.Run(name, func(t *testing.T) {
			run := func(args ...string) *exec.Cmd {
				return tt.by(asUserWith(watchRights, append([]string{open}, args...)...))
			}
			stdout, stderr, code := outcome(t, run("ns"))
			if code != 0 || !strings.Contains(stderr, tt.says) || !match(`(?m)^net\n +\d+  .*at least 1 process: `)(stdout) || match(`(?m)  (\d+ process|no process)`)(stdout) {
				t.Errorf("ns: exit code %d\n%s%s", code, stderr, stdout)
			}
			if stdout, _, code = outcome(t, run("doctor")); code != 0 || !match(`(?m)^note +.*`+tt.says)(stdout) {
				t.Errorf("doctor: exit code %d\n%s", code, stdout)
			}
			address := freeAddress(t)
			p := startBy(t, newLines(), run("serve", "--web.listen-address", address))
			p.stderr.await(t, "watching")
			for by, said := range map[string]string{"serve": p.stderr.String(), "events": startEventsBy(t, run("events", "-o", "json")).stderr.String()} {
				for _, want := range []string{tt.says, "CAP_DAC_READ_SEARCH is missing", `missing="` + string(fact.ProbeCgroupWrites) + `"`} {
					if !strings.Contains(said, want) {
						t.Errorf("%s does not say %q but\n%s", by, want, said)
					}
				}
			}
			var samples map[string]string
			eventually(t, func() bool {
				samples = metrics(t, address)
				_, counted := samples["nsviz_processes_unseen"]
				return counted == tt.unseen && samples[`nsviz_events_total{type="oom_kill"}`] != ""
			}, func() string { return fmt.Sprint(samples) })
			for sample := range samples {
				if strings.HasPrefix(sample, "nsviz_namespaces{") || strings.HasPrefix(sample, "nsviz_virtual_machines{") {
					t.Errorf("%s %s, which nsviz cannot know", sample, samples[sample])
				}
			}
		})
	}
	// Root may look.
	address := startServe(t)
	eventually(t, func() bool { return metrics(t, address)[`nsviz_namespaces{type="pid"}`] != "" }, func() string { return "no namespaces are served" })
}
