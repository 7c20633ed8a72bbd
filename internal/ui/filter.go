package ui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/report"
)

// rowKind is a kind of rows that filters know. Each has fields of its own, and so a filter of its own.
type rowKind int

const (
	workloadRows rowKind = iota
	namespaceRows
	eventKindRows // of OOM kills, too

	rowKindCount
	noRows rowKind = -1 // of a view that is no list
)

// maxFilter bounds the text of a filter: longer than any screen is wide.
const maxFilter = 512

// language is what filters of a kind of rows are written in.
type language struct {
	// rows is what the rows are called.
	rows string
	// check returns what is wrong with an expression, or nil.
	check func(expr string, now func() time.Time) error
	// complete returns what could follow an expression.
	complete func(expr string, s *model.Snapshot) query.Completion
}

func (k rowKind) language() language {
	switch k {
	case namespaceRows:
		return languageOf("namespaces", query.Namespaces, func(s *model.Snapshot) []*model.Namespace { return pointers(s.Namespaces) })
	case eventKindRows:
		return languageOf("events", query.Events, func(s *model.Snapshot) []query.Event {
			rows := make([]query.Event, len(s.Events))
			for i := range s.Events {
				rows[i] = query.Event{First: &s.Events[i], Line: func() string { return "" }}
			}
			return rows
		})
	}
	return languageOf("workloads", query.Workloads, func(s *model.Snapshot) []*report.Workload { return pointers(report.Workloads(s)) })
}

func languageOf[R any](rows string, fields query.Fields[R], all func(*model.Snapshot) []R) language {
	return language{
		rows: rows,
		check: func(expr string, now func() time.Time) error {
			_, err := fields.Parse(expr, now)
			return err
		},
		complete: func(expr string, s *model.Snapshot) query.Completion {
			return fields.Complete(expr, len(expr), func() []R { return all(s) })
		},
	}
}

func pointers[R any](list []R) []*R {
	out := make([]*R, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// clock returns the time that a filter compares with: that of the snapshot, in the zone of the screen.
func clock(s *model.Snapshot) func() time.Time { return func() time.Time { return s.Time } }

// filter returns the filter in force in the current view; "" is none.
func (st State) filter() string {
	if kind := views[st.Tab].filtered(); kind != noRows {
		return st.Filter[kind]
	}
	return ""
}

// withFilter returns the State with another filter in the current view.
func (st State) withFilter(expr string) State {
	if kind := views[st.Tab].filtered(); kind != noRows {
		st.Filter[kind] = expr
	}
	return st
}

// startFilter begins to enter a filter, with the one that is in force.
func (st State) startFilter() State {
	st = st.closed()
	st.Filtering, st.Draft = true, st.filter()
	return st
}

// draft takes the text that is being entered. It comes into force as soon as it can be read, unless its last word may become a
// field, with which no row would be found meanwhile. Until then the last one stays in force.
func (st State) draft(expr string, s *model.Snapshot) State {
	if len(expr) > maxFilter {
		return st
	}
	st.Draft = expr
	if st.mistake(s) != nil {
		return st
	}
	c := st.completion(s)
	if c.From < len(expr) && slices.ContainsFunc(c.List, func(c query.Candidate) bool { return c.More }) {
		return st
	}
	return st.withFilter(strings.TrimSpace(expr))
}

// mistake returns what is wrong with the text that is being entered, or nil.
func (st State) mistake(s *model.Snapshot) *query.Error {
	if strings.TrimSpace(st.Draft) == "" {
		return nil
	}
	err := views[st.Tab].filtered().language().check(st.Draft, clock(st.shown(s)))
	mistake := (*query.Error)(nil)
	errors.As(err, &mistake)
	return mistake
}

// keepFilter ends entering a filter. One that cannot be read has to be mended first.
func (st State) keepFilter(s *model.Snapshot) State {
	if st.mistake(s) == nil {
		st = st.withFilter(strings.TrimSpace(st.Draft))
		st.Filtering, st.Draft = false, ""
	}
	return st
}

// completed adds what all that could follow begins with; of a single one, all of it.
func (st State) completed(s *model.Snapshot) State {
	c := st.completion(s)
	if len(c.List) == 1 {
		return st.complete(c, c.List[0], s)
	}
	if len(c.List) == 0 {
		return st
	}
	common := c.List[0].Text
	for _, candidate := range c.List[1:] {
		n := 0
		for n < min(len(common), len(candidate.Text)) && common[n] == candidate.Text[n] {
			n++
		}
		common = strings.ToValidUTF8(common[:n], "")
	}
	if len(common) <= len(st.Draft)-c.From {
		return st
	}
	return st.draft(st.Draft[:c.From]+common, s)
}

func (st State) completion(s *model.Snapshot) query.Completion {
	return views[st.Tab].filtered().language().complete(st.Draft, st.shown(s))
}

func (st State) complete(c query.Completion, with query.Candidate, s *model.Snapshot) State {
	words := st.Draft[:c.From] + with.Text
	if !with.More || with.Text == "&&" || with.Text == "||" {
		words += " "
	}
	return st.draft(words, s)
}

// withoutWord removes the last word, with the blanks behind it.
func withoutWord(s string) string {
	s = strings.TrimRight(s, " ")
	return s[:strings.LastIndexByte(s, ' ')+1]
}

// accepted returns those of a list that a filter accepts.
func accepted[T, R any](list []T, expr string, fields query.Fields[R], s *model.Snapshot, as func(T) R) []T {
	if expr == "" {
		return list
	}
	filter, err := fields.Parse(expr, clock(s))
	if err != nil { // only what can be read comes into force
		return list
	}
	var out []T
	for _, row := range list {
		if filter.Accepts(as(row)) {
			out = append(out, row)
		}
	}
	return out
}

// filteredContainers returns those of a list of containers that the filter accepts.
func (st State) filteredContainers(s *model.Snapshot, list []*model.Container) []*model.Container {
	expr := st.Filter[workloadRows]
	if expr == "" {
		return list
	}
	all := report.Workloads(s)
	of, i := map[*model.Container]*report.Workload{}, 0
	for c := range s.All() {
		of[c] = &all[i]
		i++
	}
	return accepted(list, expr, query.Workloads, s, func(c *model.Container) *report.Workload { return of[c] })
}

// filteredVMs returns those virtual machines that the search and the filter let through.
func (st State) filteredVMs(s *model.Snapshot) []*model.VM {
	list := listedVMs(s, st.Search)
	expr := st.Filter[workloadRows]
	if expr == "" {
		return list
	}
	all := report.Workloads(s)
	of := map[*model.VM]*report.Workload{}
	for i := range s.VMs {
		of[&s.VMs[i]] = &all[len(all)-len(s.VMs)+i]
	}
	return accepted(list, expr, query.Workloads, s, func(v *model.VM) *report.Workload { return of[v] })
}

// listsQuiet reports whether sandboxes and services are listed: by a key, or since the filter asks for them, as in nsviz ps.
func (st State) listsQuiet(s *model.Snapshot) bool {
	if st.Quiet || st.Filter[workloadRows] == "" {
		return st.Quiet
	}
	filter, err := query.Workloads.Parse(st.Filter[workloadRows], clock(s))
	return err == nil && (filter.Wants("kind", string(event.KindSandbox)) || filter.Wants("kind", string(event.KindService)))
}

// filteredNamespaces returns those that the search and the filter let through.
func (st State) filteredNamespaces(s *model.Snapshot) []*model.Namespace {
	return accepted(listedNamespaces(s, st.Search), st.Filter[namespaceRows], query.Namespaces, s, func(n *model.Namespace) *model.Namespace { return n })
}

// filteredKills returns the kills that the search and the filter of events let through, newest first.
func (st State) filteredKills(s *model.Snapshot) []*model.Kill {
	return accepted(listedKills(s, st.Search), st.Filter[eventKindRows], query.Events, s, func(k *model.Kill) query.Event {
		return query.Event{First: &k.Event, Line: func() string { return wordEvents([]event.Event{k.Event}, s).line() }}
	})
}

// filteredEvents returns the rows of the stream that the search and the filter let through, newest first.
func (st State) filteredEvents(s *model.Snapshot) []eventGroup {
	rows := eventGroups(s, st.Search, len(s.Events), false, st.Search != "" || st.Filter[eventKindRows] != "")
	return accepted(rows, st.Filter[eventKindRows], query.Events, s, func(g eventGroup) query.Event { return g.fields(s) })
}

// filteredOut returns the text of a list that is empty because of the filter; nil if there is none.
func (sc screen) filteredOut() []line {
	if sc.state.filter() == "" {
		return nil
	}
	return []line{nil, text(Plain, "  None of the "+views[sc.state.Tab].filtered().language().rows+" is accepted by "+sc.state.filter()+".")}
}

// filterStatus returns the note on the filter in force.
func (sc screen) filterStatus() line {
	return text(Warn, "only "+views[sc.state.Tab].filtered().language().rows+" with "+sc.state.filter()+"; "+sc.state.Keys.cap(cmdBack)+" shows all")
}

// filterPanel is where a filter is entered: the text, what is wrong with it at its place, and what could follow.
func (sc screen) filterPanel() []row {
	const left = 2
	lang := views[sc.state.Tab].filtered().language()
	found := sc.rowCount()
	title := text(Title, "filter "+lang.rows).add(Dim, fmt.Sprintf(", %d shown", found))

	// Of a long text the end is shown, where it grows.
	draft, cut := sc.state.Draft, 0
	for foreign.Width(foreign.Clean(draft[cut:])) > max(sc.w-left-2, 1) {
		for cluster := range foreign.Clusters(draft[cut:]) {
			cut += len(cluster)
			break
		}
	}
	entered, marks := text(Strong, draft[cut:]), line(nil)
	if m := sc.state.mistake(sc.live); m != nil {
		from, to := max(m.Offset, cut), max(m.Offset+m.Length, cut)
		entered = text(Strong, draft[cut:from]).add(Alarm, draft[from:to]).add(Strong, draft[to:])
		marks = marked(foreign.Width(foreign.Clean(draft[cut:from])), foreign.Width(foreign.Clean(draft[from:to])), m.Message, sc.w-left)
	}
	offers := row{line: line{}.space(left)}
	completion := sc.state.completion(sc.live)
	for _, c := range completion.List {
		offer := text(KeyCap, c.Text)
		if c.About != "" {
			offer = offer.add(Dim, " "+c.About)
		}
		from := offers.line.width()
		if from+offer.width() > sc.w {
			if from == left {
				offers.line = offers.line.join(offer)
			}
			break
		}
		offers.line = offers.line.join(offer).space(3)
		offers.zones = append(offers.zones, zone{from: from, to: from + offer.width(), click: func(at place) (State, Action) {
			return at.complete(completion, c, at.live), Stay
		}})
	}
	return []row{
		{line: rule(title, sc.w)},
		{line: line{}.space(left).join(entered).add(KeyCap, "▏")},
		{line: line{}.space(left).join(marks)},
		offers,
	}
}

// marked returns marks below a mistake, with the message beside them where there is room.
func marked(at, width int, message string, w int) line {
	marks := text(Alarm, strings.Repeat("^", max(width, 1)))
	words := text(Warn, message)
	switch room := at + marks.width() + 1; {
	case room+words.width() <= w:
		return line{}.space(at).join(marks).space(1).join(words)
	case words.width()+1 <= at:
		return line{}.space(at - words.width() - 1).join(words).space(1).join(marks)
	}
	return words.cut(w)
}

// rowCount returns how many rows the list has, without headings.
func (sc screen) rowCount() int {
	n := 0
	for _, key := range sc.state.keys(sc.s) {
		if !isHeading(key) {
			n++
		}
	}
	return n
}
