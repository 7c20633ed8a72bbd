package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/metrics/metricstest"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

func TestWhy(t *testing.T) {
	one, other := strings.Repeat("a1", 32), strings.Repeat("a2", 32)
	s := &model.Snapshot{Containers: []model.Container{
		{ID: one, Label: "we<b>\n&", Named: true, State: model.Running}, {ID: other, Label: "db", Named: true, State: model.Exited},
	}, Freed: []model.Namespace{{Type: event.Net, ID: 4026532184, Owner: 5}}}
	for _, name := range []string{one, "we<b>\n&", "a1"} {
		status, body := ask(t, WhyPath, fixed(s), "?container="+url.QueryEscape(name))
		var got report.ContainerAnswer
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
			t.Fatalf("%d, %v: %s", status, err, body)
		}
		if diff := cmp.Diff(report.WhyContainer(&s.Containers[0], s), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		status, body = ask(t, InspectPath, fixed(s), "?container="+url.QueryEscape(name))
		var known report.Known
		if err := json.Unmarshal([]byte(body), &known); err != nil || status != http.StatusOK {
			t.Fatalf("%d, %v: %s", status, err, body)
		}
		if diff := cmp.Diff(report.NewKnown(&s.Containers[0], s), known); diff != "" {
			t.Errorf("inspect %s (-want +got):\n%s", name, diff)
		}
	}
	status, body := ask(t, WhyPath, fixed(s), "?namespace="+url.QueryEscape("net:[4026532184]"))
	var namespace report.NamespaceAnswer
	if err := json.Unmarshal([]byte(body), &namespace); err != nil || status != http.StatusOK || namespace.Type != event.Net || namespace.Owner != 5 {
		t.Errorf("%d, %v: %s", status, err, body)
	}
	s.Cgroups, s.Retention = []model.Cgroup{{Path: "/a b"}}, 5*time.Minute
	status, body = ask(t, WhyPath, fixed(s), "?cgroup="+url.QueryEscape("/a b/"))
	var cgroup report.CgroupAnswer
	if err := json.Unmarshal([]byte(body), &cgroup); err != nil || status != http.StatusOK || cgroup.Path != "/a b" || cgroup.Sentence == "" {
		t.Errorf("%d, %v: %s", status, err, body)
	}
	for _, test := range []struct {
		query  string
		full   *model.Snapshot
		status int
		says   string
	}{
		{"", s, http.StatusBadRequest, "container=NAME"},
		{"?container=a&container=b", s, http.StatusBadRequest, "container=NAME"},
		{"?container=nope", s, http.StatusNotFound, "nope"},
		{"?container=", s, http.StatusNotFound, "nothing is known"},
		{"?container=a", s, http.StatusConflict, "a1a1a1a1a1a1 (we<b>"},
		{"?namespace=net:[1]", s, http.StatusNotFound, "net:[1]"},
		{"?namespace=net", s, http.StatusBadRequest, "TYPE:[ID]"},
		{"?namespace=net:1&namespace=net:2", s, http.StatusBadRequest, "TYPE:[ID]"},
		{"?namespace=net:1&container=a", s, http.StatusBadRequest, "TYPE:[ID]"},
		{"?cgroup=/c", s, http.StatusNotFound, "/c"},
		{"?cgroup=c", s, http.StatusBadRequest, "cgroup=/PATH"},
		{"?cgroup=/c&namespace=net:1", s, http.StatusBadRequest, "cgroup=/PATH"},
		{"?cgroup=/c&container=a", s, http.StatusBadRequest, "cgroup=/PATH"},
		{"?kill=kill:00ab00ab00ab00ab", s, http.StatusNotFound, "kill:00ab00ab00ab00ab"},
		{"?kill=nope", s, http.StatusBadRequest, "kill:ID"},
		{"?kill=kill:00ab00ab00ab00ab&cgroup=/c", s, http.StatusBadRequest, "kill:ID"},
		{"?container=web", nil, http.StatusServiceUnavailable, "nothing yet"},
	} {
		paths := []string{WhyPath, InspectPath}
		if strings.Contains(test.query, "namespace") || strings.Contains(test.query, "cgroup") || strings.Contains(test.query, "kill") {
			paths = paths[:1]
		}
		for _, path := range paths {
			status, body := ask(t, path, fixed(test.full), test.query)
			var refusal Refusal
			var kept float64 // how long it keeps what has ended, by its own report
			if test.status == http.StatusNotFound {
				kept = 300
			}
			if err := json.Unmarshal([]byte(body), &refusal); err != nil || refusal.RetentionSeconds != kept || status != test.status || !strings.Contains(refusal.Error, test.says) {
				t.Errorf("%s%s: %d, %v: %s", path, test.query, status, err, body)
			}
		}
	}
}

func ask(t *testing.T, path string, full func() *model.Snapshot, query string) (status int, body string) {
	t.Helper()
	q := newQuestions(full, nil)
	answer := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path+query, nil)
	switch path {
	case InspectPath:
		q.inspect(answer, request)
	case WorkloadsPath:
		q.workloads(answer, request)
	default:
		q.why(answer, request)
	}
	if got := answer.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("%s%s: %s", path, query, got)
	}
	return answer.Code, answer.Body.String()
}

// The answers are behind the same password as the metrics, and there is no way to change anything.
func TestWhyIsServed(t *testing.T) {
	address := start(t, testConfig(""), 1)[0].Addr().String()
	for method, want := range map[string]int{http.MethodGet: http.StatusNotFound, http.MethodPost: http.StatusMethodNotAllowed} {
		for _, path := range []string{WhyPath, InspectPath} {
			request, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path+"?container=nope", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s %s: %s, want %d", method, path, response.Status, want)
			}
		}
	}
}

func TestWorkloadsAreServed(t *testing.T) {
	s := &model.Snapshot{Time: time.Unix(100, 0).UTC(), Containers: []model.Container{
		{ID: "a", Label: "we\x1bb", Named: true, State: model.Running}, {ID: "b", Label: "db", Named: true, State: model.Exited},
	}}
	status, body := ask(t, WorkloadsPath, fixed(s), "")
	var got report.Listing
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d, %v: %s", status, err, body)
	}
	if diff := cmp.Diff(report.NewListing(s), got); diff != "" || len(got.Workloads) != 2 {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Answers are made one or two at a time, and an answer is not made for a client that has gone meanwhile.
func TestAnswersWaitForTheirTurn(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	q := newQuestions(func() *model.Snapshot {
		leave()
		return metricstest.Full()
	}, nil)
	var done func()
	for range maxMade {
		done, _ = q.turns.TryTake()
	}
	list := func(ctx context.Context) int {
		answer := httptest.NewRecorder()
		q.workloads(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, WorkloadsPath, nil))
		return answer.Code
	}
	if status := list(gone); status != http.StatusServiceUnavailable {
		t.Errorf("without a turn: %d", status)
	}
	done()
	if status := list(t.Context()); status != http.StatusOK {
		t.Errorf("with a turn: %d", status)
	}
}
