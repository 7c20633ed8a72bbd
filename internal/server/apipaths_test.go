package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/metrics/metricstest"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pause"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/turns"
)

// busyHost is a host on which much has happened.
func busyHost() *model.Snapshot {
	s := metricstest.Full()
	s.Time = begin
	web := &event.Container{ID: strings.Repeat("a", 64), Name: "web"}
	for i := range 3 {
		s.Kills = append(s.Kills, model.Kill{Ordinal: uint64(i + 1), Event: event.Event{
			Time: begin.Add(time.Duration(i) * time.Second), Type: event.OOMKill, PID: int32(10 + i), Comm: "stress", Container: web,
			OOM: &event.OOM{ID: event.KillID("boot", uint64(i), int32(10+i)), Scope: event.ScopeCgroup, Cgroup: "/web", LimitBytes: new(uint64(64 << 20)), Victim: event.Victim{PID: int32(10 + i), Comm: "stress", Container: web}},
		}})
	}
	s.LeftOut.Kills = 5
	s.Namespaces = []model.Namespace{
		{Type: event.Net, ID: 1, Host: true, Processes: []int32{1, 2}}, {Type: event.Net, ID: 2, Processes: []int32{7}, Containers: []string{"web"}},
		{Type: event.PID, ID: 3, PinnedBy: []string{"a child namespace"}, Created: begin, Creator: &event.Process{PID: 7, Comm: "runc"}},
	}
	return s
}

// asked asks the API as a client does, without a network.
func asked(t *testing.T, q *questions, target string) *httptest.ResponseRecorder {
	t.Helper()
	q.past.turns = turns.New(1, pause.Pace{}) // without the rest that the last question asked for
	answer := httptest.NewRecorder()
	q.api().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
	return answer
}

func decoded[A any](t *testing.T, answer *httptest.ResponseRecorder) (a A) {
	t.Helper()
	if err := json.Unmarshal(answer.Body.Bytes(), &a); err != nil || answer.Code != http.StatusOK {
		t.Fatalf("%d, %v: %s", answer.Code, err, answer.Body)
	}
	return a
}

// Every path answers as its schema says, and so does every refusal.
func TestAnswersAreAsDescribed(t *testing.T) {
	live, past := kept()
	full := busyHost()
	now := newQuestions(fixed(full), past)
	then := newQuestions(live.Full, past)
	refusal := []reflect.Type{reflect.TypeFor[Refusal]()}
	at := func(path string) string {
		return path + "at=" + url.QueryEscape(begin.Add(time.Second).Format(time.RFC3339Nano))
	}
	killed := full.Kills[len(full.Kills)-1].Event.OOM.ID
	since := EventsPath + "?since=" + url.QueryEscape(begin.Format(time.RFC3339Nano))
	for _, tt := range []struct {
		q      *questions
		target string
		status int
		says   string
	}{
		{now, IndexPath, http.StatusOK, KillsPath},
		{now, IndexPath + "/", http.StatusOK, KillsPath},
		{now, PsPath, http.StatusOK, `"workloads":[{`},
		{now, WorkloadsPath + "?filter=name=nope", http.StatusOK, `"workloads":[]`},
		{now, WorkloadsPath + "?limit=1", http.StatusOK, `"left_out":`},
		{then, at(WorkloadsPath + "?"), http.StatusOK, `"running"`},
		{now, NamespacesPath, http.StatusOK, `"host":true`},
		{now, NamespacesPath + "?of=7", http.StatusOK, `"containers":["web"]`},
		{now, NamespacesPath + "?limit=2&filter=type%3Dnet", http.StatusOK, `"namespaces":[{`},
		{now, KillsPath, http.StatusOK, `"sentence":"`},
		{now, KillsPath + "?limit=1&filter=victim%3Dstress&filter=scope%3Dcgroup", http.StatusOK, `"left_out":7`},
		{now, since, http.StatusOK, `container_exited`},
		{now, since + "&filter=type%3Doom_kill", http.StatusOK, `"events":[]`},
		{then, WhyPath + "?container=web", http.StatusOK, "web"},
		{now, WhyPath + "?namespace=net:[2]", http.StatusOK, "net"},
		{now, WhyPath + "?" + killParameter + "=" + killed, http.StatusOK, `"sentence":"`},
		{now, WhyPath + "?" + killParameter + "=kill:0000000000000000", http.StatusNotFound, "kill:0000000000000000"},
		{now, WhyPath + "?" + killParameter + "=0", http.StatusBadRequest, "kill=kill:ID"},
		{then, InspectPath + "?container=web", http.StatusOK, "web"},

		{now, "/api/v1/kils", http.StatusNotFound, "did you mean " + KillsPath + "?"},
		{now, "/api/v2", http.StatusNotFound, IndexPath},
		{now, "/api/nothing/like/it/at/all", http.StatusNotFound, IndexPath + " lists those"},
		{now, PsPath + "?filtr=x", http.StatusBadRequest, `no parameter \"filtr\"; did you mean filter?`},
		{now, PsPath + "?follow=true", http.StatusBadRequest, PsPath + " takes at, filter, limit"},
		{now, IndexPath + "?x=1", http.StatusBadRequest, "takes none"},
		{now, PsPath + "?filter=nam%3Dweb", http.StatusBadRequest, `"filter":{"expression":"nam=web","offset":0,"length":3}`},
		{now, PsPath + "?filter=name%3Dweb+%26%26", http.StatusBadRequest, `"length":0`},
		{now, PsPath + "?filter=%1b%5B31m%3D1", http.StatusBadRequest, `\u001b`},
		{now, PsPath + "?" + strings.Repeat("filter=oom%3D0&", maxFilters), http.StatusOK, `"workloads":[`},
		{now, PsPath + "?" + strings.Repeat("filter=oom%3D0&", maxFilters+1), http.StatusBadRequest, "want at most 8 times filter"},
		{now, PsPath + "?limit=0", http.StatusBadRequest, "a number above 0"},
		{now, PsPath + "?limit=-1", http.StatusBadRequest, "a number above 0"},
		{now, PsPath + "?limit=1&limit=2", http.StatusBadRequest, "want one limit=N"},
		{now, NamespacesPath + "?of=nope", http.StatusNotFound, "nope"},
		{now, NamespacesPath + "?of=a&of=b", http.StatusBadRequest, "want one of=NAME"},
		{now, NamespacesPath + "?form=png", http.StatusBadRequest, "json, dot, mermaid or svg"},
		{now, NamespacesPath + "?form=dot&filter=type%3Dnet", http.StatusBadRequest, "do not go with form=dot"},
		{now, KillsPath + "?since=yesterday", http.StatusBadRequest, "want one since=TIME"},
		{now, since + "&follow=yes", http.StatusBadRequest, "follow=true or follow=false"},
		{now, since + "&follow=true&limit=1", http.StatusBadRequest, "limit does not go with follow=true"},
		{now, EventsPath, http.StatusBadRequest, "want one since=TIME"},
	} {
		answer := asked(t, tt.q, tt.target)
		if answer.Code != tt.status || !strings.Contains(answer.Body.String(), tt.says) {
			t.Errorf("%s: %d, want %d with %s: %s", tt.target, answer.Code, tt.status, tt.says, answer.Body)
			continue
		}
		types := refusal
		if tt.status == http.StatusOK {
			path, _, _ := strings.Cut(tt.target, "?")
			types = answers[strings.TrimSuffix(path, "/")]
			for i, parameter := range []string{containerParameter, namespaceParameter, cgroupParameter, killParameter} {
				if strings.HasPrefix(tt.target, WhyPath+"?"+parameter+"=") {
					types = types[i:]
				}
			}
		}
		valid(t, types[0], answer.Body.String())
		if got := answer.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", tt.target, got)
		}
	}
}

func TestListsAreCutWhereTheyAreOld(t *testing.T) {
	s := busyHost()
	q := newQuestions(fixed(s), nil)
	all := decoded[report.Listing](t, asked(t, q, WorkloadsPath)).Workloads
	one := decoded[report.Listing](t, asked(t, q, WorkloadsPath+"?limit=1"))
	if len(one.Workloads) != 1 || one.Workloads[0].ID != all[0].ID || one.LeftOut != len(all)-1 {
		t.Errorf("%d are left out: %+v", one.LeftOut, one.Workloads)
	}
	kills := decoded[report.KillList](t, asked(t, q, KillsPath+"?limit=2&filter=container%3Dweb"))
	if len(kills.Kills) != 2 || kills.Kills[1].Event.PID != 12 || kills.Kills[0].Event.PID != 11 || kills.LeftOut != 5+1 {
		t.Errorf("%d are left out: %+v", kills.LeftOut, kills.Kills)
	}
	late := decoded[report.KillList](t, asked(t, q, KillsPath+"?since="+url.QueryEscape(begin.Add(time.Second).Format(time.RFC3339Nano))+"&filter=container%3Dweb"))
	if len(late.Kills) != 2 || late.Kills[0].Ordinal != 2 || !strings.Contains(late.Kills[0].Sentence, "web") {
		t.Errorf("since a second later: %+v", late.Kills)
	}
}

func TestDiagramsAreServed(t *testing.T) {
	q := newQuestions(fixed(busyHost()), nil)
	for form, want := range map[string][2]string{"dot": {"text/vnd.graphviz; charset=utf-8", "graph "}, "mermaid": {"text/plain; charset=utf-8", "flowchart "}, "svg": {"image/svg+xml", "<svg "}} {
		answer := asked(t, q, NamespacesPath+"?form="+form)
		if answer.Code != http.StatusOK || answer.Header().Get("Content-Type") != want[0] || !strings.Contains(answer.Body.String(), want[1]) {
			t.Errorf("%s: %d, %v\n%.300s", form, answer.Code, answer.Header(), answer.Body)
		}
		if policy := answer.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
			t.Errorf("%s: %q", form, policy)
		}
	}
}

// The API reads: whatever would write is refused, as JSON, and HEAD has no body.
func TestMethods(t *testing.T) {
	base := "http://" + start(t, testConfig(""), 1)[0].Addr().String()
	for _, path := range []string{IndexPath, PsPath, KillsPath, NamespacesPath, WhyPath, EventsPath} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
			request, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			var refusal Refusal
			err = json.NewDecoder(response.Body).Decode(&refusal)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusMethodNotAllowed || err != nil || !strings.Contains(refusal.Error, method) || response.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %s, %v, %+v", method, path, response.Status, err, refusal)
			}
		}
	}
	for path, status := range map[string]int{IndexPath: 200, PsPath: 200, WhyPath + "?container=nope": 404, EventsPath + "?follow=true": 200} {
		response, err := http.Head(base + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != status {
			t.Errorf("HEAD %s: %s, want %d", path, response.Status, status)
		}
	}
}

// The server answers its paths by nothing else than the API's own checks.
func TestServerRefusesUnknownParameters(t *testing.T) {
	cfg := newHost().config()
	base := "http://" + start(t, cfg, 1)[0].Addr().String()
	for _, e := range newQuestions(cfg.Full, cfg.Past).endpoints() {
		if status, body := get(t, base+e.Path+"?nonsense=1", nil, nil); status != http.StatusBadRequest || !strings.Contains(body, `no parameter \"nonsense\"`) {
			t.Errorf("%s: %d %s", e.Path, status, body)
		}
	}
}
