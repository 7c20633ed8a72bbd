package server

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/spelling"
)

// The paths of the API, which only reads. IndexPath lists the others, with what each returns and the parameters that it takes.
// See docs/API.md, and docs/api/openapi.json has the schemas of their answers.
const (
	IndexPath      = "/api/v1"
	WorkloadsPath  = "/api/v1/workloads"
	NamespacesPath = "/api/v1/namespaces"
	KillsPath      = "/api/v1/kills"
	EventsPath     = "/api/v1/events"
	WhyPath        = "/api/v1/why"
	InspectPath    = "/api/v1/inspect"
	// PsPath is the first name of WorkloadsPath.
	PsPath = "/api/v1/ps"
)

// The parameters of the API.
const (
	atParameter        = "at"
	sinceParameter     = "since"
	filterParameter    = "filter"
	limitParameter     = "limit"
	followParameter    = "follow"
	ofParameter        = "of"
	formParameter      = "form"
	containerParameter = "container"
	namespaceParameter = "namespace"
	cgroupParameter    = "cgroup"
	killParameter      = "kill"
)

// Parameter describes a parameter of a path of the API.
type Parameter struct {
	Name  string `json:"name"`
	About string `json:"about"`
}

// PathAbout describes a path of the API.
type PathAbout struct {
	Path       string      `json:"path"`
	About      string      `json:"about"`
	Parameters []Parameter `json:"parameters"`
}

// Index is what IndexPath returns.
type Index struct {
	// Version is that of the nsviz that answers.
	Version string      `json:"version"`
	Paths   []PathAbout `json:"paths"`
}

// endpoint is a path of the API and what answers it.
type endpoint struct {
	PathAbout

	answer http.HandlerFunc
}

// endpoints lists the paths of the API.
func (q *questions) endpoints() []endpoint {
	at := Parameter{atParameter, "the time that is asked for, as RFC 3339 has it; the default is now"}
	filter := Parameter{filterParameter, "an expression that has to be true, as --filter takes it; repeatable. Times without a zone are in UTC"}
	limit := func(which string) Parameter {
		return Parameter{limitParameter, "how many to return at most: " + which}
	}
	container := Parameter{containerParameter, "the name of a container, its id or the beginning of that, or what it is called in its pod or project"}
	workloads := []Parameter{at, filter, limit("the first ones")}
	return []endpoint{
		{PathAbout{IndexPath, "this list", []Parameter{}}, q.index},
		{PathAbout{WorkloadsPath, "the workloads that are known, ended ones too, as nsviz ps --all lists them", workloads}, q.workloads},
		{PathAbout{PsPath, "the same as " + WorkloadsPath, workloads}, q.workloads},
		{PathAbout{NamespacesPath, "the namespaces of the host, as nsviz ns lists them", []Parameter{
			at, {ofParameter, "only those of a container, a pod, a compose project, or a process by its PID"}, filter, limit("the first ones"),
			{formParameter, "json, the default, or a diagram of who shares them: dot, mermaid or svg"},
		}}, q.namespaces},
		{PathAbout{KillsPath, "the OOM kills that are kept, oldest first, with the sentences that explain them", []Parameter{
			at, {sinceParameter, "only those since a time, as RFC 3339 has it"}, filter, limit("the latest ones"),
		}}, q.kills},
		{PathAbout{EventsPath, "the events since a time or, followed, all from now on", []Parameter{
			{sinceParameter, "the time, as RFC 3339 has it; needed unless follow=true"},
			filter, limit("the latest ones; not with follow=true"),
			{followParameter, "true sends what was since then and goes on with what happens, one event a line"},
		}}, q.events},
		{PathAbout{WhyPath, "what became of a container, a namespace or a cgroup, or how an OOM kill came about, as nsviz why tells it", []Parameter{
			container, {namespaceParameter, "a namespace, as TYPE:[ID]"}, {cgroupParameter, "the path of a cgroup"}, {killParameter, "an OOM kill, as kill:ID"}, at,
		}}, q.why},
		{PathAbout{InspectPath, "what is known of a container, as nsviz inspect --from tells it", []Parameter{container, at}}, q.inspect},
	}
}

// api returns the handler of the API: all paths below /api.
func (q *questions) api() http.Handler {
	mux := http.NewServeMux()
	var paths []string
	for _, e := range q.endpoints() {
		paths = append(paths, e.Path)
		mux.Handle(e.Path, checked(e))
	}
	mux.Handle(IndexPath+"/{$}", checked(q.endpoints()[0]))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		text := fmt.Sprintf("no path %q; %s lists those that there are", r.URL.Path, IndexPath)
		if near := spelling.Nearest(r.URL.Path, paths); near != "" {
			text = fmt.Sprintf("no path %q; did you mean %s? %s lists all", r.URL.Path, near, IndexPath)
		}
		reply(w, http.StatusNotFound, Refusal{Error: text})
	})
	return mux
}

// checked refuses requests that would change something, and parameters that a path does not take.
func checked(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			reply(w, http.StatusMethodNotAllowed, Refusal{Error: fmt.Sprintf("no method %s: the API only reads, by GET", r.Method)})
			return
		}
		if err := e.checkParameters(r); err != nil {
			reply(w, http.StatusBadRequest, Refusal{Error: err.Error()})
			return
		}
		e.answer(w, r)
	})
}

// checkParameters returns an error that names a parameter that the path does not take.
func (e *endpoint) checkParameters(r *http.Request) error {
	names := make([]string, len(e.Parameters))
	for i, p := range e.Parameters {
		names[i] = p.Name
	}
	var wrong []string
	for name := range r.URL.Query() {
		if !slices.Contains(names, name) {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	name := slices.Min(wrong)
	takes := "takes none"
	if len(names) > 0 {
		takes = "takes " + strings.Join(names, ", ")
	}
	if near := spelling.Nearest(name, names); near != "" {
		return fmt.Errorf("no parameter %q; did you mean %s? %s %s", name, near, e.Path, takes)
	}
	return fmt.Errorf("no parameter %q; %s %s", name, e.Path, takes)
}

func (q *questions) index(w http.ResponseWriter, _ *http.Request) {
	index := Index{Version: q.version}
	for _, e := range q.endpoints() {
		index.Paths = append(index.Paths, e.PathAbout)
	}
	reply(w, http.StatusOK, index)
}

// timeOf reads a time of the query. It accepts no other than those that can be written again.
func timeOf(r *http.Request, parameter string) (time.Time, error) {
	values := r.URL.Query()[parameter]
	if len(values) == 1 {
		t, err := time.Parse(time.RFC3339Nano, values[0])
		if err == nil {
			_, err = t.MarshalJSON()
		}
		if err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("want one %s=TIME, such as 2026-03-01T14:03:10Z", parameter)
}

// limitOf reads the parameter limit; 0 is none.
func limitOf(r *http.Request) (int, error) {
	values, given := r.URL.Query()[limitParameter]
	if !given {
		return 0, nil
	}
	if len(values) == 1 {
		if n, err := strconv.ParseUint(values[0], 10, 31); err == nil && n > 0 {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("want one %s=N, a number above 0", limitParameter)
}

// followOf reads the parameter follow.
func followOf(r *http.Request) (bool, error) {
	values, given := r.URL.Query()[followParameter]
	if !given {
		return false, nil
	}
	if len(values) == 1 && (values[0] == "true" || values[0] == "false") {
		return values[0] == "true", nil
	}
	return false, fmt.Errorf("want one %s=true or %[1]s=false", followParameter)
}
