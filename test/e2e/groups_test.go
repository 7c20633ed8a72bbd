//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// runIn starts a container with labels that make it a member of a group.
func runIn(t *testing.T, name string, labels []string, args ...string) {
	t.Helper()
	var flags []string
	for _, l := range labels {
		flags = append(flags, "--label", l)
	}
	run(t, name, append(append(flags, args...), busyboxImage, "sh", "-c", waits)...)
}

// Compose projects and Kubernetes pods, by the labels that their tools set, are groups in everything that nsviz prints or serves.
func TestGroups(t *testing.T) {
	const prefix = "nsviz-test-group-"
	service := func(name, number string) []string {
		return []string{"com.docker.compose.project=nstestshop", "com.docker.compose.service=" + name, "com.docker.compose.container-number=" + number}
	}
	member := func(container, kind string) []string {
		return []string{
			"io.kubernetes.pod.name=cart-7d9f", "io.kubernetes.pod.namespace=nstest", "io.kubernetes.container.name=" + container,
			"io.kubernetes.docker.type=" + kind, "tier=back\x1b[2J",
		}
	}
	recording := filepath.Join(t.TempDir(), "recording")
	address := freeAddress(t)
	server := start(t, io.Discard, "serve", "--web.listen-address", address, "--label", "tier")
	server.stderr.await(t, "watching")
	recorder := start(t, io.Discard, "record", recording)
	recorder.stderr.await(t, "recording")
	events := startEvents(t, "--label", "tier")

	runIn(t, prefix+"web", append(service("web", "1"), "tier=front", "other=secret"))
	runIn(t, prefix+"pause", member("POD", "podsandbox"))
	runIn(t, prefix+"worker", service("worker", "1"))
	runIn(t, prefix+"worker2", service("worker", "2"))
	runIn(t, prefix+"app", member("app", "container"), "--network", "container:"+prefix+"pause")
	runIn(t, prefix+"odd", []string{"com.docker.compose.project=nstest\x1b[2J\u202e", "com.docker.compose.service=\x1b]0;x\a"})

	shop := func(member string) *event.Group {
		return &event.Group{Kind: event.GroupCompose, Name: "nstestshop", Member: member}
	}
	cart := func(member string) *event.Group {
		return &event.Group{Kind: event.GroupPod, Namespace: "nstest", Name: "cart-7d9f", Member: member}
	}
	wanted := map[string]*event.Group{
		"web": shop("web"), "worker": shop("worker"), "worker2": shop("worker-2"), "pause": cart(""), "app": cart("app"),
		"odd": {Kind: event.GroupCompose, Name: "nstest\x1b[2J\u202e", Member: "\x1b]0;x\a"},
	}
	for name, want := range wanted {
		e := events.await(t, 1, of(event.ContainerStarted, prefix+name))[0]
		if !e.Container.Group.Equal(want) || (e.Container.Kind == event.KindPod) != (name == "pause") {
			t.Errorf("%s starts as %q in %+v, want %+v", name, e.Container.Kind, e.Container.Group, want)
		}
		if tier := e.Container.Labels["tier"]; (name == "web") != (tier == "front") || len(e.Container.Labels) > 1 {
			t.Errorf("%s starts with the labels %q", name, e.Container.Labels)
		}
	}

	var list []report.Workload
	nsvizJSON(t, &list, "ps", "-o", "json")
	found := map[string]bool{}
	for _, w := range list {
		if name, ours := strings.CutPrefix(w.Name, prefix); ours {
			found[name] = true
			if !w.Group.Equal(wanted[name]) || (w.Kind == string(event.KindPod)) != (name == "pause") || w.Labels != nil {
				t.Errorf("ps has %+v", w)
			}
		}
	}
	if len(found) != len(wanted) {
		t.Errorf("ps has %v", found)
	}
	table, _, _ := nsviz(t, "ps")
	checkHarmless(t, "nsviz ps", table)
	for _, want := range []string{
		`(?m)^nstestshop · compose .* 3 containers.*\n  ` + prefix + `web .*\n  ` + prefix + `worker .*\n  ` + prefix + `worker2 `,
		`(?m)^nstest/cart-7d9f · pod .* 1 container\b.*\n  ` + prefix + `app .*\n  ` + prefix + `pause \(infra\) `,
		`(?m)^nstest\\x1b\[2J\\u202e · compose .*\n  ` + prefix + `odd `,
	} {
		if !match(want)(table) {
			t.Errorf("no %s in\n%s", want, table)
		}
	}

	info := func(name, kind, pod, namespace, project, tier string) string {
		return fmt.Sprintf(`nsviz_container_info{container="%s",id="%s",image="%s",kind="%s",label_tier="%s",namespace="%s",pod="%s",project="%s",runtime="docker"}`,
			prefix+name, docker(t, "inspect", "-f", "{{.Id}}", prefix+name), busyboxImage, kind, tier, namespace, pod, project)
	}
	samples := metrics(t, address)
	for _, want := range []string{
		info("web", "container", "", "", "nstestshop", "front"), info("worker2", "container", "", "", "nstestshop", ""),
		info("pause", "pod", "cart-7d9f", "nstest", "", `back\\x1b[2J`), info("app", "container", "cart-7d9f", "nstest", "", `back\\x1b[2J`),
	} {
		if samples[want] != "1" {
			t.Errorf("no sample %s", want)
		}
	}
	checkMetrics(t, address)

	for name, want := range map[string]string{
		"nstestshop/worker-2": "worker2", "nstest/cart-7d9f/app": "app", "cart-7d9f/app": "app", "nstest/cart-7d9f": "app",
	} {
		if a, _ := why(t, address, name); a.Container.Name != prefix+want || !a.Container.Group.Equal(wanted[want]) {
			t.Errorf("why %s is about %+v", name, a.Container)
		}
	}
	text, _, code := nsviz(t, "inspect", "cart-7d9f/app")
	if code != 0 || !strings.Contains(text, "app of the pod nstest/cart-7d9f") {
		t.Errorf("inspect: exit code %d\n%s", code, text)
	}
	for _, command := range [][]string{{"why", "nstestshop", "--from", "http://" + address}, {"inspect", "nstestshop"}} {
		_, stderr, code := nsviz(t, command...)
		if code != failed || !strings.Contains(stderr, `"nstestshop" stands for several containers: nstestshop/web (`+prefix+"web), nstestshop/worker (") {
			t.Errorf("nsviz %v: exit code %d\n%s", command, code, stderr)
		}
	}
	var namespaces []report.Namespace
	nsvizJSON(t, &namespaces, "ns", "nstest/cart-7d9f", "-o", "json")
	nets := 0
	for _, n := range namespaces {
		if n.Type == event.Net {
			nets++
			if got := fmt.Sprint(n.Containers); got != fmt.Sprintf("[%sapp %[1]spause]", prefix) {
				t.Errorf("the pod's net namespace has %s", got)
			}
		}
	}
	if nets != 1 {
		t.Errorf("the pod has %d net namespaces, want one that its containers share", nets)
	}

	// A recording knows as much.
	awaitRecorded(t, recording, "nstestshop/worker", "the start", hasEntries(1, model.EntryKind(event.ContainerStarted)))
	recorder.stop(t)
	stdout, stderr, code := nsviz(t, "why", "nstestshop/worker", "--recording", recording)
	if code != 0 || !strings.Contains(stdout, prefix+"worker") {
		t.Errorf("why of a recording: exit code %d\n%s%s", code, stdout, stderr)
	}
}

// A group on the screen folds and unfolds by the keys that are named there.
func TestDashboardFoldsGroups(t *testing.T) {
	const prefix = "nsviz-test-fold-"
	for _, name := range []string{"a", "b"} {
		runIn(t, prefix+name, []string{"com.docker.compose.project=nstestfold", "com.docker.compose.service=" + name})
	}
	term := tmux(t, 120, 40, nil, binary(), "--web.listen-address=")
	open := match(`(?m)^.. ?▾ nstestfold · compose +2 containers .*\n    a .*\n    b `)
	term.await(t, open)
	term.keys(t, "/")
	term.await(t, contains("enter keep"))
	term.keys(t, "nstestfold", "Enter")
	term.await(t, match(`(?m)^▸ ▾ nstestfold · compose`))
	term.keys(t, "Down")
	term.await(t, match(`(?m)^▸   a `))
	term.keys(t, "Escape")
	term.await(t, func(screen string) bool { // the cursor stays
		return match(`(?m)^▸   a `)(screen) && !strings.Contains(screen, "only what matches")
	})
	term.keys(t, "Up")
	term.await(t, match(`(?m)^▸ ▾ nstestfold · compose`))
	term.await(t, contains("space fold"))
	for _, keys := range [][2]string{{"Left", "Right"}, {"Space", "Space"}, {"Enter", "Enter"}, {"Left", "Escape"}} {
		term.keys(t, keys[0])
		term.await(t, func(screen string) bool {
			return match(`(?m)^▸ ▹ nstestfold · compose +2 containers`)(screen) && !match(`(?m)^    [ab] `)(screen) && strings.Contains(screen, "● live")
		})
		term.keys(t, keys[1])
		term.await(t, match(`(?m)^▸ ▾ nstestfold · compose .*\n    a .*\n    b `))
	}
	term.keys(t, "Down", "Enter")
	term.await(t, func(screen string) bool {
		return strings.Contains(prose(screen), "a of the compose project nstestfold")
	})
	term.keys(t, "q")
	term.awaitEnd(t, 0)
}
