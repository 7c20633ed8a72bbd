package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/story"
)

// namespacesView lists the live namespaces, as a table or as trees.
type namespacesView struct{ listView }

func (namespacesView) title() string { return "Namespaces" }
func (namespacesView) help() (name string, words []explained) {
	return "namespaces", []explained{
		{"├ └", "Trees of namespaces (t): by parent, as pid and user namespaces lie in each other, or by owner, the user namespace whose root may rule another. " +
			"▾ has others below it, ▹ has them folded. Before a number, ? is that what it is below is unknown, … that the search or the filter leaves that out."},
	}
}

func (namespacesView) keys(s *model.Snapshot, st State) []string {
	if st.Arrange != AsTable {
		return keysOf(namespaceRowsOf(s, st), namespaceRow.key)
	}
	return st.tableOfNamespaces(s).rows().keys()
}

func (namespacesView) filtered() rowKind { return namespaceRows }

func (namespacesView) subject(s *model.Snapshot, _ State, key string) subject {
	return namespaceSubject(s, key)
}

func (v namespacesView) smallRows(sc screen, h int) []row { return withoutHead(v.rows(sc, h+1), h) }

func (namespacesView) name(s *model.Snapshot, key string) string {
	if n := find(s.Namespaces, func(n *model.Namespace) bool { return namespaceKey(n) == key }); n != nil {
		return n.Type.String() + " " + strconv.FormatUint(n.ID, 10)
	}
	return "a namespace"
}

func (namespacesView) page(s *model.Snapshot, st State, w int) []line {
	if n := find(s.Namespaces, func(n *model.Namespace) bool { return namespaceKey(n) == st.Open }); n != nil {
		return namespacePage(n, s, w)
	}
	return nil
}

func namespaceKey(n *model.Namespace) string {
	var room [32]byte
	return string(strconv.AppendUint(append(append(room[:0], n.Type.String()...), ':'), n.ID, 10))
}

// namespaceList holds the namespaces of the table: all of a snapshot, which may have ten thousand, or some.
type namespaceList struct {
	all []model.Namespace
	// some are the ones in the list, if not all are.
	some []*model.Namespace
	part bool
}

// tableOfNamespaces returns those that the search and the filter let through.
func (st State) tableOfNamespaces(s *model.Snapshot) namespaceList {
	if st.Search == "" && st.Filter[namespaceRows] == "" {
		return namespaceList{all: s.Namespaces}
	}
	return namespaceList{some: st.filteredNamespaces(s), part: true}
}

func (l namespaceList) count() int {
	if l.part {
		return len(l.some)
	}
	return len(l.all)
}

func (l namespaceList) at(i int) *model.Namespace {
	if l.part {
		return l.some[i]
	}
	return &l.all[i]
}

// rows returns the rows of the table.
func (l namespaceList) rows() rowList {
	return rowList{n: l.count(), key: func(i int) string { return namespaceKey(l.at(i)) }, index: func(key string) int {
		typ, number, _ := strings.Cut(key, ":")
		id, err := strconv.ParseUint(number, 10, 64)
		for i := 0; err == nil && i < l.count(); i++ {
			if n := l.at(i); n.ID == id && n.Type.String() == typ {
				return i
			}
		}
		return -1
	}}
}

// listedNamespaces returns the namespaces that the search lets through.
func listedNamespaces(s *model.Snapshot, needle string) []*model.Namespace {
	var out []*model.Namespace
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		if query.Namespaces.Match(n, needle) {
			out = append(out, n)
		}
	}
	return out
}

// rows draws the live namespaces by type, and below them how many there are.
func (v namespacesView) rows(sc screen, h int) []row {
	list := sc.state.tableOfNamespaces(sc.s)
	if list.count() == 0 {
		if out := sc.filteredOut(); out != nil {
			return plainRows(out)
		}
		if sc.state.Search != "" {
			return plainRows([]line{nil, text(Plain, "  No namespace matches “"+sc.state.Search+"”.")})
		}
		return plainRows([]line{nil, text(Plain, "  The namespaces of this host have not been read yet.")})
	}
	below := sc.namespaceCounts()
	var rows []row
	if sc.state.Arrange == AsTable {
		rows = sc.table(namespaceTable(sc, list.at), list.rows(), max(h-len(below), 2), "")
	} else {
		rows = sc.namespaceTrees(max(h-len(below), 2))
	}
	for len(rows) < h-len(below) {
		rows = append(rows, row{})
	}
	return append(rows, plainRows(below)...)
}

// namespaceTable returns those columns of a list of namespaces for which the screen has room.
func namespaceTable(sc screen, at func(i int) *model.Namespace) []column {
	needle := sc.state.Search
	return withNamespaceFacts(sc, at, []column{
		{title: "TYPE", width: 7, cell: func(i int) line {
			if i > 0 && at(i-1).Type == at(i).Type {
				return text(Dim, at(i).Type.String()).mark(needle)
			}
			return text(Strong, at(i).Type.String()).mark(needle)
		}},
		{title: "ID", width: 11, gap: 1, cell: func(i int) line { return idText(at(i).ID).mark(needle) }},
	})
}

// withNamespaceFacts appends to the columns that name a namespace those with what is known of it.
func withNamespaceFacts(sc screen, at func(i int) *model.Namespace, columns []column) []column {
	needle := sc.state.Search
	if sc.w >= 100 {
		columns = append(columns, column{title: "OWNER", width: 12, cell: func(i int) line { return ownerText(at(i)).dimmed() }})
	}
	columns = append(columns, column{title: "PROCS", width: 5, right: true, gap: 2, cell: func(i int) line { return processCount(at(i), sc.s) }})
	if sc.w >= 76 {
		columns = append(columns,
			column{title: "MADE", width: 8, gap: 2, cell: func(i int) line {
				when, _ := creationText(at(i), sc.s)
				return when
			}},
			column{title: "BY", width: min(max(sc.w/4, 18), 36), gap: 1, cell: func(i int) line {
				_, by := creationText(at(i), sc.s)
				return by.mark(needle)
			}})
	}
	room := sc.w - marker
	for _, c := range columns {
		room -= c.width + c.gap
	}
	return append(columns, column{title: "WHO IS IN IT", cell: func(i int) line {
		who := inhabitants(at(i), sc.s)
		if who.width() > room {
			who = who.shortWords(min(nameRoom(sc.w), max(room, 1)))
		}
		return who.mark(needle)
	}})
}

func idText(id uint64) line {
	if id == 0 {
		return text(Unknown, "?")
	}
	return text(Number, strconv.FormatUint(id, 10))
}

// ownerText returns the user namespace that owns another; the first one has no owner.
func ownerText(n *model.Namespace) line {
	if n.Owner == 0 && n.Host && n.Type == event.User {
		return text(Dim, "none")
	}
	return idText(n.Owner)
}

// creationText returns when and by whom a namespace was created, as far as nsviz saw it.
func creationText(n *model.Namespace, s *model.Snapshot) (when, by line) {
	when = text(Dim, "before")
	switch {
	case n.Host:
		return when, text(Dim, "the kernel, at boot")
	case !n.Created.IsZero():
		when = text(Plain, clockIn(n.Created, s.Time))
	}
	by = text(Dim, "not seen")
	if n.Creator != nil {
		by = processLine(n.Creator.PID, n.Creator.Comm)
		if n.Via != "" && n.Via != event.ViaReconcile {
			by = by.add(Dim, " "+string(n.Via))
		}
	}
	return when, by
}

// processCount returns how many processes are in a namespace, or how many of them nsviz may see.
func processCount(n *model.Namespace, s *model.Snapshot) line {
	count := strconv.Itoa(len(n.Processes))
	switch {
	case !s.Unseen.Blind():
		return text(Plain, count)
	case len(n.Processes) == 0:
		return text(Unknown, "?")
	}
	return text(Plain, count).add(Unknown, "+")
}

// inhabitants lists the members of a namespace or, if it is empty, what keeps it.
func inhabitants(n *model.Namespace, s *model.Snapshot) line {
	var l line
	if n.Host {
		l = text(HostUsual, story.HostSign+" ").add(Plain, "the host")
	}
	for i, c := range n.Containers {
		switch {
		case i > 0:
			l = l.add(Plain, ", ")
		case n.Host:
			l = l.add(Plain, " and ")
		}
		l = l.add(Name, c)
	}
	if len(l) > 0 {
		return l
	}
	for i := range s.VMs {
		if vm := &s.VMs[i]; slices.Contains(n.Processes, vm.PID) {
			if len(l) > 0 {
				l = l.add(Plain, ", ")
			}
			l = l.add(Name, vm.Label())
		}
	}
	if len(l) > 0 {
		return l.add(Dim, ", a virtual machine")
	}
	switch {
	case len(n.Processes) > 0 && len(n.PinnedBy) == 0:
		return text(Dim, "processes in no container")
	case len(n.PinnedBy) > 0:
		l = text(Dim, "kept by ").add(Plain, strings.Join(n.PinnedBy, ", "))
		if s.Unseen.Blind() {
			l = l.add(Dim, "; processes ").add(Unknown, "?")
		}
		return l
	case s.Unseen.Blind():
		return text(Dim, "processes ").add(Unknown, "?")
	}
	if !s.Watches(fact.ProbeNamespacesFreed) {
		return text(Dim, "nobody; gone, or something unseen keeps it")
	}
	return text(Dim, "nobody; something unseen keeps it")
}

// namespaceCounts returns the counts of namespaces for the line under the list.
func (sc screen) namespaceCounts() []line {
	var per [event.NamespaceTypeCount]uint64
	for i := range sc.s.Namespaces {
		if t := sc.s.Namespaces[i].Type; int(t) < len(per) {
			per[t]++
		}
	}
	var parts []line
	for _, t := range event.NamespaceTypes() {
		parts = append(parts, text(Strong, t.String()).add(Dim, fmt.Sprintf(" %d", per[t])))
	}
	lines := flow(parts, 3, marker, sc.w)
	title := text(Title, "live namespaces by type")
	if sc.s.Unseen.Blind() {
		title = title.add(Unknown, ", of the processes that nsviz may look into")
	}
	return append([]line{rule(title, sc.w)}, lines...)
}

// namespacePage shows everything about one namespace.
func namespacePage(n *model.Namespace, s *model.Snapshot, w int) []line {
	const left, names = 1, 14
	title := text(Plain, " ").add(Name, n.Type.String()).add(Plain, " namespace ").add(Number, strconv.FormatUint(n.ID, 10))
	if n.Host {
		title = title.add(Dim, "   the host's own")
	}
	lines := []line{nil, title, nil}
	add := func(name string, value line) { lines = append(lines, facts(name, value, left, names, w)...) }
	add("sets apart", text(Plain, story.Isolates(n.Type)))
	add("who is in it", inhabitants(n, s))
	_, by := creationText(n, s)
	when := text(Dim, "before nsviz started")
	if !n.Created.IsZero() {
		when = text(Plain, milliIn(n.Created, s.Time)).add(Dim, ", "+story.Ago(s.Time.Sub(n.Created)))
	}
	add("made", when)
	add("by", by)
	add("owner", ownerText(n).add(Dim, ", the user namespace whose root may rule it"))
	if n.Type == event.PID || n.Type == event.User {
		parent := idText(n.Parent)
		if n.Parent == 0 && n.Host {
			parent = text(Dim, "none, it is the first")
		}
		add("parent", parent)
	}
	if len(n.PinnedBy) > 0 {
		why := text(Plain, strings.Join(n.PinnedBy, ", "))
		if !s.Unseen.Blind() {
			why = why.add(Dim, "; it outlives its processes")
		}
		add("kept by", why)
	}
	pids := make([]string, len(n.Processes))
	for i, p := range n.Processes {
		pids[i] = strconv.Itoa(int(p))
	}
	procs := text(Dim, "none that nsviz can see")
	if len(pids) > 0 {
		procs = text(Number, strings.Join(pids, " "))
		if s.Unseen.Blind() {
			procs = procs.add(Dim, ", and perhaps others, which nsviz may not see")
		}
	}
	add("host PIDs", procs)
	lines = append(lines, nil)
	if len(n.Processes) > 0 {
		add("by hand", text(KeyCap, fmt.Sprintf("ls -l /proc/%d/ns/%s", n.Processes[0], n.Type)))
	}
	return lines
}
