package server

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/diagram"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/report"
)

// maxFilters bounds the expressions of one question, each of which package query bounds.
const maxFilters = 8

// FilterMistake says where an expression is wrong.
type FilterMistake struct {
	Expression string `json:"expression"`
	// Offset and Length are the bytes of Expression that are wrong; a Length of 0 is that something is missing there.
	Offset int `json:"offset"`
	Length int `json:"length"`
}

// filtersOf reads the parameters filter. It returns a function that reports whether all of them accept a row; nil, after it has
// refused the request, where one cannot be read.
func filtersOf[R any](w http.ResponseWriter, r *http.Request, fields query.Fields[R]) (accept func(R) bool) {
	var parsed []*query.Expr[R]
	texts := r.URL.Query()[filterParameter]
	if len(texts) > maxFilters {
		reply(w, http.StatusBadRequest, Refusal{Error: fmt.Sprintf("want at most %d times %s; && joins expressions", maxFilters, filterParameter)})
		return nil
	}
	for _, text := range texts {
		expr, err := fields.Parse(text, func() time.Time { return time.Now().UTC() })
		if err != nil {
			refusal := Refusal{Error: fmt.Sprintf("%s: %v", filterParameter, err)}
			if at := (*query.Error)(nil); errors.As(err, &at) {
				refusal.Filter = &FilterMistake{at.Expr, at.Offset, at.Length}
			}
			reply(w, http.StatusBadRequest, refusal)
			return nil
		}
		parsed = append(parsed, expr)
	}
	return func(row R) bool {
		return !slices.ContainsFunc(parsed, func(e *query.Expr[R]) bool { return !e.Accepts(row) })
	}
}

// selection reads the parameters filter and limit. It returns false after it has refused the request.
func selection[R any](w http.ResponseWriter, r *http.Request, fields query.Fields[R]) (accept func(R) bool, limit int, ok bool) {
	limit, err := limitOf(r)
	if err != nil {
		reply(w, http.StatusBadRequest, Refusal{Error: err.Error()})
		return nil, 0, false
	}
	accept = filtersOf(w, r, fields)
	return accept, limit, accept != nil
}

// first returns at most limit elements from the beginning of a list, and how many that leaves out. A limit of 0 is none.
func first[E any](list []E, limit int) (kept []E, leftOut int) {
	if limit == 0 || len(list) <= limit {
		return list, 0
	}
	return list[:limit], len(list) - limit
}

// latest is first from the end of the list.
func latest[E any](list []E, limit int) (kept []E, leftOut int) {
	if limit == 0 || len(list) <= limit {
		return list, 0
	}
	return list[len(list)-limit:], len(list) - limit
}

func (q *questions) workloads(w http.ResponseWriter, r *http.Request) {
	accept, limit, ok := selection(w, r, query.Workloads)
	if !ok {
		return
	}
	q.answer(w, r, func(s *model.Snapshot) (any, error) {
		list := slices.DeleteFunc(report.Workloads(s), func(w report.Workload) bool { return !accept(&w) })
		list, leftOut := first(list, limit)
		l := report.ListingOf(s, list)
		l.LeftOut = leftOut
		return l, nil
	})
}

func (q *questions) namespaces(w http.ResponseWriter, r *http.Request) {
	accept, limit, ok := selection(w, r, query.Namespaces)
	if !ok {
		return
	}
	parameters := r.URL.Query()
	of, form := parameters[ofParameter], parameters[formParameter]
	refuse := func(text string) { reply(w, http.StatusBadRequest, Refusal{Error: text}) }
	drawn, isDrawn := diagram.FormNamed(strings.Join(form, ""))
	switch {
	case len(of) > 1:
		refuse("want one of=NAME")
		return
	case len(form) > 1 || len(form) == 1 && form[0] != "json" && !isDrawn:
		refuse("want one form, which is json, dot, mermaid or svg")
		return
	case isDrawn && (parameters.Has(filterParameter) || parameters.Has(limitParameter)):
		refuse(fmt.Sprintf("filter and limit do not go with form=%s: a diagram is of all that its containers are in", form[0]))
		return
	}
	q.answer(w, r, func(s *model.Snapshot) (any, error) {
		if len(of) == 1 {
			only, err := report.NamespacesOf(s, of[0])
			if err != nil {
				return nil, err
			}
			s = only
		}
		if isDrawn {
			return draw(w, drawn, s)
		}
		chosen := *s
		chosen.Namespaces = nil
		for i := range s.Namespaces {
			if accept(&s.Namespaces[i]) {
				chosen.Namespaces = append(chosen.Namespaces, s.Namespaces[i])
			}
		}
		var leftOut int
		chosen.Namespaces, leftOut = first(chosen.Namespaces, limit)
		l := report.NewNamespaceList(&chosen)
		l.LeftOut = leftOut
		return l, nil
	})
}

// draw draws a snapshot. A browser that shows a picture runs nothing that might be in it.
func draw(w http.ResponseWriter, form diagram.Form, s *model.Snapshot) (document, error) {
	var b bytes.Buffer
	if err := form.Write(&b, s); err != nil {
		return nil, err
	}
	w.Header().Set("Content-Type", form.MediaType)
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	return b.Bytes(), nil
}

func (q *questions) kills(w http.ResponseWriter, r *http.Request) {
	accept, limit, ok := selection(w, r, query.Events)
	if !ok {
		return
	}
	var since time.Time
	if r.URL.Query().Has(sinceParameter) {
		var err error
		if since, err = timeOf(r, sinceParameter); err != nil {
			reply(w, http.StatusBadRequest, Refusal{Error: err.Error()})
			return
		}
	}
	q.answer(w, r, func(s *model.Snapshot) (any, error) {
		var chosen []*model.Kill
		for i := range s.Kills {
			if k := &s.Kills[i]; !k.Event.Time.Before(since) && accept(q.row(&k.Event)) {
				chosen = append(chosen, k)
			}
		}
		chosen, leftOut := latest(chosen, limit)
		l := report.NewKillList(s, chosen)
		l.LeftOut += uint64(leftOut)
		return l, nil
	})
}

// row returns what a filter looks at of an event.
func (q *questions) row(e *event.Event) query.Event {
	return query.Event{First: e, Line: func() string {
		if q.line == nil {
			return ""
		}
		return q.line(*e)
	}}
}
