package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Arrangement is how the namespaces are listed.
type Arrangement int

// The arrangements.
const (
	AsTable  Arrangement = iota
	ByParent             // type by type, pid and user namespaces below their parents
	ByOwner              // all below the user namespaces that own them

	arrangementCount
)

func (a Arrangement) next() Arrangement { return (a + 1) % arrangementCount }

// words names the arrangement.
func (a Arrangement) words() string {
	return [arrangementCount]string{AsTable: "as a table", ByParent: "by parent", ByOwner: "by owner"}[a]
}

// namespaceRow is a row of the trees: the heading of a type, or a namespace.
type namespaceRow struct {
	// namespace is nil for a heading.
	namespace *model.Namespace
	// typ is the type of a heading.
	typ event.NamespaceType
	// lines lead from the row above it to this one.
	lines string
	// below is how many namespaces are below it, on all levels, and folded whether they are not shown.
	below  int
	folded bool
	// unknown is set if it is not known what it is below, and leftOut if the search or the filter leaves that out.
	unknown, leftOut bool
}

func (r namespaceRow) key() string {
	if r.namespace == nil {
		return headingKey + "type " + r.typ.String()
	}
	return namespaceKey(r.namespace)
}

// namespaceRowsOf returns the rows of the trees. A search shows what it finds, also what is folded.
func namespaceRowsOf(s *model.Snapshot, st State) (rows []namespaceRow) {
	list := st.filteredNamespaces(s)
	var add func(n *model.NamespaceNode, to, below string) int
	add = func(n *model.NamespaceNode, to, below string) int {
		at := len(rows)
		rows = append(rows, namespaceRow{namespace: n.Namespace, lines: to})
		count := 0
		for i, child := range n.Below {
			last, beside := branch(i, len(n.Below))
			count += 1 + add(child, below+last, below+beside)
		}
		rows[at].below = count
		if rows[at].folded = count > 0 && st.folded(rows[at].key()); rows[at].folded {
			rows = rows[:at+1]
		}
		return count
	}
	addRoot := func(root *model.NamespaceNode, above event.NamespaceType, to, below string) {
		at := len(rows)
		add(root, to, below)
		if st.Arrange == ByOwner && !isFirst(root.Namespace) || st.Arrange == ByParent && hasParents(above) && !root.Host {
			rows[at].leftOut = isListed(s, above, root.Above)
			rows[at].unknown = !rows[at].leftOut
		}
	}
	if st.Arrange == ByOwner {
		for _, root := range model.NamespacesByOwner(list) {
			addRoot(root, event.User, "", "")
		}
		return rows
	}
	for len(list) > 0 {
		typ, n := list[0].Type, 0
		for n < len(list) && list[n].Type == typ {
			n++
		}
		heading := namespaceRow{typ: typ, below: n}
		heading.folded = st.folded(heading.key())
		if rows = append(rows, heading); !heading.folded {
			roots := model.NamespacesByParent(list[:n])
			for i, root := range roots {
				to, below := branch(i, len(roots))
				addRoot(root, typ, to, below)
			}
		}
		list = list[n:]
	}
	return rows
}

// branch returns the lines that lead to item i of n, and those beside what is below it.
func branch(i, n int) (to, below string) {
	if i == n-1 {
		return "└ ", "  "
	}
	return "├ ", "│ "
}

// hasParents reports whether the kernel keeps namespaces of a type in each other.
func hasParents(t event.NamespaceType) bool { return t == event.PID || t == event.User }

// isFirst reports whether a namespace is the host's user namespace, which nothing owns.
func isFirst(n *model.Namespace) bool { return n.Host && n.Type == event.User && n.Owner == 0 }

// folded reports whether what is below a row is folded. A search shows all that it finds.
func (st State) folded(key string) bool { return st.Search == "" && st.Folded[key] }

// folds reports whether namespaces are below another.
func (namespacesView) folds(s *model.Snapshot, st State, key string) bool {
	if st.Arrange == AsTable {
		return false
	}
	for _, r := range namespaceRowsOf(s, st) {
		if r.key() == key {
			return r.below > 0
		}
	}
	return false
}

// namespaceTrees draws the trees in at most h rows.
func (sc screen) namespaceTrees(h int) []row {
	rows := namespaceRowsOf(sc.s, sc.state)
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r.lines))
	}
	width += 2 + len("4026531834") + 2
	if sc.state.Arrange == ByOwner {
		width += len("cgroup ")
	}
	columns := withNamespaceFacts(sc, func(i int) *model.Namespace { return rows[i].namespace }, []column{{
		title: "NAMESPACE", width: min(width, max(sc.w*2/5, 18)), gap: 1, cell: func(i int) line { return sc.namespaceBranch(rows[i]) },
	}})
	if sc.state.Arrange == ByOwner && sc.w >= 100 { // the tree says who owns
		columns = append(columns[:1], columns[2:]...)
	}
	return sc.tableOf(columns, listBy(rows, namespaceRow.key), h, ", trees "+sc.state.Arrange.words(), func(l line, i int) line {
		if rows[i].namespace == nil {
			return l.join(typeHeading(rows[i]).cut(max(sc.w-marker, 0)))
		}
		return rowLine(l, columns, i)
	})
}

// typeHeading returns the heading of a type.
func typeHeading(r namespaceRow) line {
	return foldSign(r).join(text(Title, r.typ.String())).add(Dim, fmt.Sprintf(" · %d · %s", r.below, story.Isolates(r.typ)))
}

// foldSign says whether what is below a row is shown.
func foldSign(r namespaceRow) line {
	switch {
	case r.below == 0:
		return nil
	case r.folded:
		return text(Dim, "▹ ")
	}
	return text(Dim, "▾ ")
}

// namespaceBranch returns the lines that lead to a namespace, and its name.
func (sc screen) namespaceBranch(r namespaceRow) line {
	l := text(Dim, r.lines).join(foldSign(r))
	switch {
	case r.leftOut:
		l = l.add(Dim, "… ")
	case r.unknown:
		l = l.add(Unknown, "? ")
	}
	needle := sc.state.Search
	if sc.state.Arrange == ByOwner {
		l = l.join(text(Strong, r.namespace.Type.String()).mark(needle)).space(1)
	}
	l = l.join(idText(r.namespace.ID).mark(needle))
	if r.folded {
		l = l.add(Dim, " +"+strconv.Itoa(r.below))
	}
	return l
}

// isListed reports whether a snapshot has a namespace. Its list is sorted.
func isListed(s *model.Snapshot, typ event.NamespaceType, id uint64) bool {
	_, found := slices.BinarySearchFunc(s.Namespaces, id, func(n model.Namespace, id uint64) int {
		return cmp.Or(cmp.Compare(n.Type, typ), cmp.Compare(n.ID, id))
	})
	return found
}
