package webui

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/webui/webuitest"
)

func workloadPage(t *testing.T, p *Page, key string) (w workload) {
	t.Helper()
	answer := get(t, p, "/ui/workload?key="+key)
	if answer.Code != http.StatusOK {
		t.Fatalf("%s: %d: %s", key, answer.Code, answer.Body)
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

func words(list []piece) string {
	var b strings.Builder
	for _, p := range list {
		b.WriteString(p.Text)
	}
	return b.String()
}

func TestWorkload(t *testing.T) {
	p := page(t, webuitest.Busy(noon), nil)
	hog := workloadPage(t, p, webuitest.ID(9))
	if got := words(hog.Text); !strings.Contains(got, "hog is 3 ordinary processes of this host. It has mnt, pid, net, ipc and uts to itself; it uses the host's user, cgroup and time.") ||
		!strings.Contains(got, "has killed 12 processes in it") {
		t.Errorf("%s", got)
	}
	if len(hog.Sees) != 8 || hog.Sees[0].Words != "its own" || hog.Sees[5].Sign != "○" {
		t.Errorf("it sees %+v", hog.Sees)
	}
	if len(hog.Memory) != model.HistoryLength || hog.Memory[0] != nil || hog.Memory[59] == nil || hog.Killed[59] != 3 {
		t.Errorf("the last minute: %v", hog.Memory)
	}
	if len(hog.Start) < 8 || hog.Start[0].From != 0 || hog.Start[len(hog.Start)-1].To != 1 || hog.Started == "" {
		t.Errorf("its start: %+v", hog.Start)
	}
	if len(hog.History) != 3 || !strings.Contains(words(hog.History[0].Text), "12") || !strings.Contains(words(hog.History[2].Text), "dockerd (PID 900, of the host) made its cgroup") {
		t.Errorf("its history, the latest first: %+v", hog.History)
	}
	if hog.Read != 0 || hog.Holes != nil {
		t.Error("nothing reads, and something was read")
	}
	gone := workloadPage(t, p, webuitest.ID(10))
	if gone.Row.State != "exited" || gone.Sees != nil || gone.Row.End == "" {
		t.Errorf("%+v", gone.Row)
	}
	typo := workloadPage(t, p, webuitest.ID(11))
	if !strings.Contains(typo.Row.End, "never started") || !strings.Contains(words(typo.Text), "slep") {
		t.Errorf("%+v, %s", typo.Row, words(typo.Text))
	}
	vm := workloadPage(t, p, "vm-31007")
	if !strings.Contains(words(vm.Text), "a kernel of its own") || vm.Row.Memory != "0.3 of 1 GiB" {
		t.Errorf("%+v, %s", vm.Row, words(vm.Text))
	}
	if answer := get(t, p, "/ui/workload?key=none"); answer.Code != http.StatusNotFound {
		t.Errorf("an unknown one: %d", answer.Code)
	}
}

func TestWorkloadIsRead(t *testing.T) {
	readings := 0
	p := page(t, webuitest.Busy(noon), func(_ context.Context, _ *model.Snapshot, c *model.Container) (*report.Dissection, error) {
		readings++
		if c.Label == "agent" {
			return nil, errors.New("no permission")
		}
		return &report.Dissection{
			Processes: []report.TreeProcess{{PID: 7, Inside: []int32{1}, Comm: "app"}},
			Holes:     []report.Hole{{Severity: "high", Serious: true, Title: "it may load modules", Details: []string{"CAP_SYS_MODULE"}, Meaning: "all is lost", Close: "drop it"}},
			Sound:     []string{"its own root"}, MadeOf: []report.Line{{Subject: "root", Words: "overlay"}}, Unknown: []string{"its seccomp filter"},
		}, nil
	})
	for range 3 { // the second and third look at what was read before
		w := workloadPage(t, p, webuitest.ID(2))
		if w.Read == 0 || len(w.Processes) != 1 || w.Processes[0].Inside != "1" || len(w.Holes) != 1 || w.Holes[0].Close != "drop it" || w.MadeOf[0].Words != "overlay" || len(w.Unknown) != 1 {
			t.Fatalf("%+v", w)
		}
	}
	if readings != 1 {
		t.Errorf("%d readings", readings)
	}
	if w := workloadPage(t, p, webuitest.ID(1)); w.Problem != "no permission" || w.Read != 0 {
		t.Errorf("%q, %d", w.Problem, w.Read)
	}
	workloadPage(t, p, webuitest.ID(10)) // it has ended
	if readings != 2 {
		t.Errorf("%d readings", readings)
	}
}

// Readings that hang hold up no page for long, and no more than maxReadings hang.
func TestReadingsThatHang(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan string, 10)
	s := webuitest.Busy(noon)
	r := newReadings(func(_ context.Context, _ *model.Snapshot, c *model.Container) (*report.Dissection, error) {
		begun <- c.Label
		<-release
		return &report.Dissection{}, nil
	})
	gone, leave := context.WithCancel(t.Context())
	leave() // as a browser that does not wait
	for i := range 4 {
		if in := r.of(gone, s, &s.Containers[i]); in != nil {
			t.Errorf("%+v", in)
		}
	}
	first, second := r.begin(s, &s.Containers[0]), r.begin(s, &s.Containers[1])
	if first == nil || second == nil || r.begin(s, &s.Containers[2]) != nil {
		t.Error("two may be under way, and no third one")
	}
	close(release)
	<-first
	<-second
	if len(begun) != maxReadings {
		t.Errorf("%d were begun", len(begun))
	}
	if in := r.of(t.Context(), s, &s.Containers[0]); in == nil || in.found == nil {
		t.Errorf("%+v", in)
	}
}

// Whoever opens one workload after the other has them read now and then.
func TestReadingsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := webuitest.Busy(noon)
		const took = 100 * time.Millisecond
		n := 0
		r := newReadings(func(context.Context, *model.Snapshot, *model.Container) (*report.Dissection, error) {
			<-time.After(took) // by the clock of the bubble
			n++
			return &report.Dissection{}, nil
		})
		read := func(i int) bool { return r.of(t.Context(), s, &s.Containers[i]) != nil }
		if !read(0) || !read(1) || read(2) || n != maxReadings {
			t.Errorf("%d readings", n)
		}
		<-time.After(mostPause) // by the clock of the bubble
		if !read(2) || n != maxReadings+1 {
			t.Errorf("after a while: %d readings", n)
		}
	})
}

func TestSharing(t *testing.T) {
	all := sharingOf(webuitest.Busy(noon))
	net := all[2]
	if net.Type != "net" || len(net.Host.Members) != 1 || net.Host.Members[0].Name != "agent" || len(net.Shared) != 2 || net.Shared[0].Letter != "a" ||
		len(net.Shared[0].Members) != 2 || len(net.Own) != 4 || len(net.Kept) != 1 || net.Kept[0].By != "/run/netns/blue" {
		t.Errorf("%+v", net)
	}
}
