//go:build e2e

package e2e

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/story"
)

// Pods of the real CRI plugin of containerd: names, groups and images by the API, the engine's word on an OOM kill beside the kernel's, and
// what is left of that without the socket.
func TestCRI(t *testing.T) {
	s := newCRIService(t)
	address := freeAddress(t)
	from := []string{"--from", "http://" + address}
	server := start(t, io.Discard, "serve", "--web.listen-address", address, "--cri-endpoint", s.endpoint(), "--label", "tier")
	server.stderr.await(t, "watching")
	events := startEvents(t, "--cri-endpoint", s.endpoint())

	// As below a kubelet, where the path does not show the runtime.
	parent := s.parents()
	cart, cartID := s.pod("nstest", "cart", parent)
	ids := map[string]string{"nstest/cart": cartID}
	ids["nstest/cart/app"] = s.container(cartID, cart, "app", 0, "/bin/sleep", "100000")
	// containerd may be asked for the name only after a container has ended that lives for a moment, on a host that is busy.
	ids["nstest/cart/hog"] = s.container(cartID, cart, "hog", 16<<20, "/bin/sh", "-c", "sleep 1; exec tail /dev/zero")
	if !s.systemd { // without one containerd chooses
		parent = ""
	}
	queue, queueID := s.pod("nstest", "queue", parent)
	ids["nstest/queue"] = queueID
	ids["nstest/queue/app"] = s.container(queueID, queue, "app", 0, "/bin/sleep", "100000")

	for name, id := range ids {
		parts := strings.Split(name, "/")
		group := &event.Group{Kind: event.GroupPod, Namespace: parts[0], Name: parts[1], Member: strings.Join(parts[2:], "")}
		kind := event.KindPod
		if group.Member != "" {
			kind = ""
		}
		c := events.await(t, 1, of(event.ContainerStarted, name))[0].Container
		if c.ID != id || c.Runtime != "containerd" || c.Kind != kind || !c.Group.Equal(group) {
			t.Errorf("%s starts as %+v in %+v", name, c, c.Group)
		}
	}
	const hog = "nstest/cart/hog"
	events.await(t, 1, of(event.OOMKill, hog))
	if x := events.await(t, 1, of(event.ContainerExited, hog))[0].Exit; x.Cause != event.CauseOOMKill {
		t.Errorf("%s ended by %+v", hog, x)
	}

	var why report.ContainerAnswer
	eventually(t, func() bool {
		nsvizJSON(t, &why, append([]string{"why", hog, "-o", "json"}, from...)...)
		return why.End != nil && why.End.Engine != nil
	}, func() string { return "containerd's word on the end of " + hog })
	// With cgroup v2 containerd watches memory.events, which may be gone before it reads them. Its word is then wrong, and judged so.
	e := why.End.Engine
	if e.OOMKilled == nil || e.ExitCode == nil || *e.ExitCode != 137 {
		t.Fatalf("containerd says %+v", e)
	}
	judgement, verdict := story.JudgementWrong, "OOMKilled=false, which is wrong."
	if *e.OOMKilled {
		judgement, verdict = story.JudgementRight, "OOMKilled=true, which is right."
	}
	if e.Judgement != judgement {
		t.Errorf("containerd says %+v, want it judged as %s", e, judgement)
	}
	stdout, _, _ := nsviz(t, append([]string{"why", hog}, from...)...)
	if !strings.Contains(strings.Join(strings.Fields(stdout), " "), "containerd says exit code 137 and "+verdict) {
		t.Errorf("why:\n%s", stdout)
	}

	// As crictl has it.
	listed := func(args ...string) map[string]report.Workload {
		t.Helper()
		byID := map[string]report.Workload{}
		for _, w := range psOf(t, args...) {
			if w.Runtime == "containerd" && strings.HasPrefix(w.Name, "nstest/") {
				byID[w.ID] = w
			}
		}
		return byID
	}
	running := s.running()
	eventually(t, func() bool {
		for _, w := range listed(from...) {
			if w.Labels == nil {
				return false
			}
		}
		return true
	}, func() string { return "containerd's labels" })
	for what, args := range map[string][]string{"once": {"--cri-endpoint", s.endpoint(), "--label", "tier"}, "from a server": from} {
		names := map[string]string{}
		for id, w := range listed(args...) {
			names[id] = w.Name
			of := w.Group.Name
			if w.Kind != string(event.KindPod) {
				of = w.Group.Member
				if w.Image != "docker.io/"+busyboxImage+":latest" {
					t.Errorf("%s has the image %s", w.Name, w.Image)
				}
			}
			if w.Labels["tier"] != "of "+of {
				t.Errorf("%s: %s has the labels %q", what, w.Name, w.Labels)
			}
		}
		if diff := cmp.Diff(running, names); diff != "" {
			t.Errorf("%s (-CRI +nsviz):\n%s", what, diff)
		}
	}
	stdout, _, _ = nsviz(t, "ps", "--cri-endpoint", s.endpoint())
	if !match(`(?m)^nstest/cart · pod +1 container `)(stdout) || !match(`(?m)^ +nstest/cart/app `)(stdout) {
		t.Errorf("ps has no pods:\n%s", stdout)
	}
	stdout, _, _ = nsviz(t, "doctor", "--cri-endpoint", s.endpoint())
	if !match(`(?m)^containerd +connected: [0-9.]+.*, CRI v1$`)(stdout) {
		t.Errorf("doctor:\n%s", stdout)
	}

	// Without the socket the bundles name them.
	s.stop()
	names := map[string]string{}
	for id, w := range listed("--cri-endpoint", s.endpoint()) {
		names[id] = w.Name
	}
	if diff := cmp.Diff(running, names); diff != "" {
		t.Errorf("without containerd (-CRI +nsviz):\n%s", diff)
	}
	stdout, _, _ = nsviz(t, "doctor", "--cri-endpoint", s.endpoint())
	if !match(`(?m)^containerd +absent: no socket at `)(stdout) {
		t.Errorf("doctor without containerd:\n%s", stdout)
	}
	s.start()
	eventually(t, func() bool {
		return strings.Count(server.stderr.String(), "container engine connected") > 1
	}, server.stderr.String)
}
