package metrics

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/story"
)

// The paths of questions. GET WhyPath?container=NAME gives a story.Answer, WhyPath?namespace=TYPE:[ID] a
// story.NamespaceAnswer, WhyPath?cgroup=/PATH a story.CgroupAnswer, InspectPath?container=NAME a story.Known; or a Refusal with the status 404 or 409.
const (
	WhyPath     = "/api/v1/why"
	InspectPath = "/api/v1/inspect"
)

// Refusal is the answer where there is none.
type Refusal struct {
	Error string `json:"error"`
}

// questions answers one question at a time: a snapshot of all that the model has kept may be large.
type questions struct {
	whole func() *isolation.Snapshot
	mu    sync.Mutex
}

func (q *questions) why(w http.ResponseWriter, r *http.Request) {
	refuse := func() {
		reply(w, http.StatusBadRequest, Refusal{"want one container=NAME, one namespace=TYPE:[ID] or one cgroup=/PATH"})
	}
	query := r.URL.Query()
	namespaces, cgroups := query["namespace"], query["cgroup"]
	if len(namespaces)+len(cgroups) == 0 {
		q.ofContainer(w, r, func(c *isolation.Container, s *isolation.Snapshot) any { return story.Why(c, s) })
		return
	}
	if len(namespaces)+len(cgroups) > 1 || query.Has("container") {
		refuse()
		return
	}
	if len(cgroups) == 1 {
		at, ok := story.ParseCgroupName(story.CgroupName(cgroups[0]))
		if !ok {
			refuse()
			return
		}
		q.answer(w, func(s *isolation.Snapshot) (any, error) { return story.WhyCgroup(s, at) })
		return
	}
	name, ok := story.ParseNamespaceName(namespaces[0])
	if !ok {
		refuse()
		return
	}
	q.answer(w, func(s *isolation.Snapshot) (any, error) { return story.WhyNamespace(s, name) })
}

func (q *questions) inspect(w http.ResponseWriter, r *http.Request) {
	q.ofContainer(w, r, func(c *isolation.Container, s *isolation.Snapshot) any { return story.Remember(c, s) })
}

func (q *questions) ofContainer(w http.ResponseWriter, r *http.Request, of func(*isolation.Container, *isolation.Snapshot) any) {
	names := r.URL.Query()["container"]
	if len(names) != 1 {
		reply(w, http.StatusBadRequest, Refusal{"want one container=NAME"})
		return
	}
	q.answer(w, func(s *isolation.Snapshot) (any, error) {
		c, err := story.Find(s, names[0])
		if err != nil {
			return nil, err
		}
		return of(c, s), nil
	})
}

func (q *questions) answer(w http.ResponseWriter, of func(*isolation.Snapshot) (any, error)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.whole()
	if s == nil {
		reply(w, http.StatusServiceUnavailable, Refusal{"nsviz has seen nothing yet"})
		return
	}
	answer, err := of(s)
	var ambiguous *story.AmbiguousError
	switch {
	case errors.As(err, &ambiguous):
		reply(w, http.StatusConflict, Refusal{err.Error()})
	case err != nil:
		reply(w, http.StatusNotFound, Refusal{err.Error()})
	default:
		reply(w, http.StatusOK, answer)
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	encoder := json.NewEncoder(foreign.JSONWriter(w))
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // a client that has gone is no matter
}
