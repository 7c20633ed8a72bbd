package ui

import "github.com/nsviz/nsviz/internal/model"

// Tab names one of the views.
type Tab int

// The views, in the order of their digits.
const (
	Containers Tab = iota
	Map
	Namespaces
	Kills
	Starts
	Events
	Host

	tabCount
)

// views lists all views. A new view is a type in a file of its own, and a line here.
var views = [tabCount]view{
	Containers: containersView{listView{Containers}},
	Map:        mapView{listView{Map}},
	Namespaces: namespacesView{listView{Namespaces}},
	Kills:      killsView{listView{Kills}},
	Starts:     startsView{listView{Starts}},
	Events:     eventsView{listView{Events}},
	Host:       hostView{},
}

// view is one screen of the dashboard: a list with rows that open as pages of text, or a single page. Types that embed listView
// or pageView implement only their differences.
type view interface {
	// title returns the view's name in the line of tabs.
	title() string
	// help returns the view's name on the help page, and the words of its screen that are explained there.
	help() (name string, words []explained)

	// single reports whether the view is a single page.
	single() bool
	// newestFirst reports whether new rows come in at the top; the cursor stays there with the newest.
	newestFirst() bool
	// filtered returns the kind of the rows, by whose fields f filters.
	filtered() rowKind
	// keys returns the keys of the rows that the search and the filter let through, from top to bottom.
	keys(s *model.Snapshot, st State) []string
	// heading returns the key of the heading that a row is below; "" is none.
	heading(s *model.Snapshot, st State, key string) string
	// rows draws the list in at most h rows.
	rows(sc screen, h int) []row
	// smallRows draws the list in at most h rows of a small screen.
	smallRows(sc screen, h int) []row
	// target returns where Enter leads from the row with a key: to a row of a view, which opens there. Its key is "" if
	// there is nothing to open.
	target(s *model.Snapshot, key string) (Tab, string)
	// subject returns what the row with a key is about.
	subject(s *model.Snapshot, st State, key string) subject
	// name returns what the page of the row with a key is about, and link where it leads.
	name(s *model.Snapshot, key string) string
	link(s *model.Snapshot, key string) link
	// page returns the text of the opened row (State.Open), or of a single page; nil if that is gone.
	page(s *model.Snapshot, st State, w int) []line
}

// painter is a view that draws in two dimensions.
type painter interface {
	// paint draws the view in place of its rows. It returns false, and draws nothing, if there is no space for that.
	paint(sc screen, c canvas) bool
}

// walker is a view whose rows do not stand below each other.
type walker interface {
	// walk returns the key of the row that a key leads to from the cursor.
	walk(sc screen, key KeyName) string
}

// folder is a view with rows, besides headings, below which others can be folded.
type folder interface {
	// folds reports whether rows are below the one with a key.
	folds(s *model.Snapshot, st State, key string) bool
}

// explained is a word of the screen, and what it means.
type explained struct{ word, meaning string }

// listView holds what views that are lists have in common. tab is the view's own.
type listView struct{ tab Tab }

func (listView) single() bool      { return false }
func (listView) newestFirst() bool { return false }
func (listView) filtered() rowKind { return workloadRows }

func (listView) heading(*model.Snapshot, State, string) string { return "" }

// target returns the row's own page.
func (l listView) target(_ *model.Snapshot, key string) (Tab, string) { return l.tab, key }

// subject returns that of a row of workloads.
func (listView) subject(s *model.Snapshot, st State, key string) subject {
	return workloadSubject(s, st, key)
}

// name returns the key, and link leads nowhere.
func (listView) name(_ *model.Snapshot, key string) string { return key }
func (listView) link(*model.Snapshot, string) link         { return link{} }

// pageView holds what views that are a single page have in common.
type pageView struct{}

func (pageView) single() bool                                       { return true }
func (pageView) newestFirst() bool                                  { return false }
func (pageView) filtered() rowKind                                  { return noRows }
func (pageView) keys(*model.Snapshot, State) []string               { return nil }
func (pageView) name(*model.Snapshot, string) string                { return "" }
func (pageView) link(*model.Snapshot, string) link                  { return link{} }
func (pageView) heading(*model.Snapshot, State, string) string      { return "" }
func (pageView) rows(screen, int) []row                             { return nil }
func (pageView) smallRows(screen, int) []row                        { return nil }
func (pageView) subject(*model.Snapshot, State, string) subject     { return subject{} }
func (pageView) target(*model.Snapshot, string) (tab Tab, _ string) { return tab, "" }

// keysOf returns the keys of rows.
func keysOf[R any](rows []R, key func(R) string) []string {
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = key(r)
	}
	return keys
}

// find returns the first row that is wanted, or nil.
func find[R any](rows []R, wanted func(*R) bool) *R {
	for i := range rows {
		if wanted(&rows[i]) {
			return &rows[i]
		}
	}
	return nil
}

// withoutHead returns rows without the first one, which has the titles: on a small screen the rows themselves come first.
func withoutHead(rows []row, h int) []row {
	rows = rows[:min(len(rows), h+1)]
	return rows[min(1, len(rows)):]
}
