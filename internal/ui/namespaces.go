package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
)

func namespaceKey(n *isolation.Namespace) string {
	return n.Type.String() + ":" + strconv.FormatUint(n.ID, 10)
}

// listedNamespaces are the namespaces that the search lets through.
func listedNamespaces(s *isolation.Snapshot, needle string) []*isolation.Namespace {
	var out []*isolation.Namespace
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		creator := ""
		if n.Creator != nil {
			creator = n.Creator.Comm
		}
		if matches(needle, n.Type.String(), strconv.FormatUint(n.ID, 10), creator, strings.Join(n.Containers, " "),
			strings.Join(n.PinnedBy, " ")) {
			out = append(out, n)
		}
	}
	return out
}

// namespaces draws the live namespaces by type.
func (sc screen) namespaces(h int) []row {
	list := listedNamespaces(sc.s, sc.v.Search)
	if len(list) == 0 {
		if sc.v.Search != "" {
			return plainRows([]line{nil, text(Plain, "  No namespace matches “"+sc.v.Search+"”.")})
		}
		return plainRows([]line{nil, text(Plain, "  The namespaces of this host have not been read yet.")})
	}
	made, who := 0, 0
	if sc.w >= 76 {
		made, who = 8, min(max(sc.w/4, 18), 36)
	}
	owner := 0
	if sc.w >= 100 {
		owner = 12
	}
	head := line{}.space(marker).join(text(Title, "TYPE").fit(7), text(Title, "ID").fit(11)).space(1)
	if owner > 0 {
		head = head.join(text(Title, "OWNER").fit(owner))
	}
	head = head.join(text(Title, "PROCS").right(5)).space(2)
	if made > 0 {
		head = head.join(text(Title, "MADE").fit(made)).space(2).join(text(Title, "BY").fit(who)).space(1)
	}
	head = head.add(Title, "WHO IS IN IT")
	below := sc.namespaceCounts()
	rows := []row{{line: head}}
	room := max(h-1-len(below), 1)
	drawn, from, to := sc.list(len(list), room, func(i int) string { return namespaceKey(list[i]) },
		func(i int, selected bool) line {
			n := list[i]
			l := cursorMark(selected)
			typ := text(Strong, n.Type.String())
			if i > 0 && list[i-1].Type == n.Type {
				typ = text(Dim, n.Type.String())
			}
			l = l.join(typ.mark(sc.v.Search).fit(7), idText(n.ID).mark(sc.v.Search).fit(11)).space(1)
			if owner > 0 {
				l = l.join(ownerText(n).dimmed().fit(owner))
			}
			l = l.join(processCount(n, sc.s).right(5)).space(2)
			if made > 0 {
				when, by := bornText(n, sc.s)
				l = l.join(when.fit(made)).space(2).join(by.mark(sc.v.Search).fit(who)).space(1)
			}
			return l.join(inhabitants(n, sc.s).mark(sc.v.Search))
		})
	rows = append(rows, drawn...)
	if to-from < len(list) && room > 2 {
		rows = append(rows, row{line: moreNote(from, to, len(list))})
	}
	for len(rows) < h-len(below) {
		rows = append(rows, row{})
	}
	return append(rows, plainRows(below)...)
}

func idText(id uint64) line {
	if id == 0 {
		return text(Unknown, "?")
	}
	return text(Number, strconv.FormatUint(id, 10))
}

// ownerText is the user namespace that owns another; the first one has no owner.
func ownerText(n *isolation.Namespace) line {
	if n.Owner == 0 && n.Host && n.Type == event.User {
		return text(Dim, "none")
	}
	return idText(n.Owner)
}

// bornText is when a namespace was made and by whom; those older than nsviz were not seen.
func bornText(n *isolation.Namespace, s *isolation.Snapshot) (when, by line) {
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

// processCount is how many processes are in a namespace, or how many of them nsviz may see.
func processCount(n *isolation.Namespace, s *isolation.Snapshot) line {
	count := strconv.Itoa(len(n.Processes))
	switch {
	case !s.Unseen.Blind():
		return text(Plain, count)
	case len(n.Processes) == 0:
		return text(Unknown, "?")
	}
	return text(Plain, count).add(Unknown, "+")
}

// inhabitants says who is in a namespace, or what keeps it where nobody is.
func inhabitants(n *isolation.Namespace, s *isolation.Snapshot) line {
	var l line
	if n.Host {
		l = text(HostUsual, hostSign+" ").add(Plain, "the host")
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
	return text(Dim, "nobody; something unseen keeps it")
}

// namespaceCounts sums the namespaces up, under the list.
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

// sees says what a namespace of a type sets apart, in words.
func sees(t event.NamespaceType) string {
	switch t {
	case event.Mnt:
		return "files and mounts"
	case event.PID:
		return "process numbers"
	case event.Net:
		return "interfaces, addresses, ports"
	case event.IPC:
		return "shared memory, message queues"
	case event.UTS:
		return "host name"
	case event.User:
		return "users and their rights"
	case event.CgroupNS:
		return "view of the cgroup tree"
	case event.Time:
		return "clocks since boot"
	}
	return ""
}

// namespacePage tells everything about one namespace.
func namespacePage(n *isolation.Namespace, s *isolation.Snapshot, w int) []line {
	const left, names = 1, 14
	title := text(Plain, " ").add(Name, n.Type.String()).add(Plain, " namespace ").add(Number, strconv.FormatUint(n.ID, 10))
	if n.Host {
		title = title.add(Dim, "   the host's own")
	}
	lines := []line{nil, title, nil}
	add := func(name string, value line) { lines = append(lines, facts(name, value, left, names, w)...) }
	add("sets apart", text(Plain, sees(n.Type)))
	add("who is in it", inhabitants(n, s))
	_, by := bornText(n, s)
	when := text(Dim, "before nsviz started")
	if !n.Created.IsZero() {
		when = text(Plain, milliIn(n.Created, s.Time)).add(Dim, ", "+ago(s.Time.Sub(n.Created)))
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
