package webui

import (
	"errors"
	"net/http"
	"time"

	"github.com/nsviz/nsviz/internal/query"
)

// maxFilter bounds the text of a filter.
const maxFilter = 512

// serveSelection answers which workloads an expression of --filter accepts, or what is wrong with it: while somebody types it, that is no
// failure, which browsers would log.
func (p *Page) serveSelection(w http.ResponseWriter, r *http.Request) {
	expression := r.URL.Query().Get("filter")
	if len(expression) > maxFilter {
		reply(w, http.StatusOK, refusal{Error: "the filter is too long"})
		return
	}
	f := p.frame(w)
	if f == nil {
		return
	}
	filter, err := query.Workloads.Parse(expression, func() time.Time { return f.snapshot.Time })
	var wrong *query.Error
	if errors.As(err, &wrong) {
		reply(w, http.StatusOK, refusal{Error: wrong.Message, From: wrong.Offset, Length: wrong.Length})
		return
	}
	keys := []string{}
	all := f.workloads()
	for i := range all {
		if filter.Accepts(&all[i]) {
			keys = append(keys, all[i].ID)
		}
	}
	reply(w, http.StatusOK, struct {
		Keys []string `json:"keys"`
	}{keys})
}
