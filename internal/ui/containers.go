package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/story"
)

// containersView lists the containers and, below them, the virtual machines, with the latest kill in words and the stream.
type containersView struct{ listView }

func (containersView) title() string { return "Workloads" }

func (containersView) help() (name string, words []explained) {
	return "workloads", []explained{
		{"namespace", "A private copy of one thing a process can see: its own files (mnt), process numbers (pid), network (net), shared memory (ipc), " +
			"host name (uts), users (user), cgroup tree (cgroup) or boot clock (time). Two processes in the same namespace see the same."},
		{"{columns}, {sort}", "{columns} chooses the columns, {sort} the one to sort by, {reverse} reverses the order: ▲ the lowest first, ▼ the highest. Groups stay together."},
		{"NEAR LIMIT", "The working set grows, and at this pace reaches a limit soon. Whom the kernel would choose is computed as the kernel does it. Files that it can drop (▓ in the bar) are no danger."},
		{"● ○ a b ? !", "● the container has one of its own. ○ it uses the host's: no wall there (bold where engines usually put one up). A letter: it shares one with the containers that show the same letter " +
			"in that column. ? nsviz could not read it. ! whoever it was made for has another one now."},
		{"cgroup", "A group of processes with a budget. Its memory limit is what docker run --memory sets. The bar shows how much of it is used. " +
			"Not held: PID 1 was moved out of it. Stuck: the OOM killer is off for it. 20!: it was refused more processes. Paused, in the column UP: the freezer stops it."},
		{"OOM kill", "OOM is out of memory. When a group is at its limit and asks for more, the kernel picks one of its processes and kills it. " +
			"If that was the container's PID 1, the container ends; if not, it lives on and its log may show nothing."},
		{"OOM kills seen", "In the first line, those that nsviz has seen since it began, in all containers and outside. The column OOM has all since the " +
			"container started, by the kernel's own count, so also those from before nsviz began."},
		{"host PID", "Inside, the first process of a container is PID 1. It has another number on the host, and with that number you can find it in ps."},
		{"▾ ▹", "A group: the containers of a Kubernetes or podman pod, or of a compose project. What its heading has are sums; + is at least that much. " +
			"The infra container of a pod holds what the others share; Kubernetes calls it the pod's sandbox."},
		{"sandbox", "What a program isolates without a container runtime, as bubblewrap (Flatpak), firejail, unshare or a browser does. A service here is a unit of systemd " +
			"with namespaces of its own. {sandboxes} shows and hides them; one that the OOM killer took something from is always shown."},
		{"START", "From the making of the cgroup to the first instruction of the container's own program. It is short because no kernel boots."},
		{"LAST MINUTE", "Memory. Full height is the limit, or all the host has where there is no limit. × is where OOM kills fell."},
		{"VM", "A virtual machine is a small computer, and from here one process: its memory is the guest's, its threads are the guest's processors (VCPU). " +
			"Inside runs a kernel of its own, with processes, containers and OOM kills that this kernel knows nothing of (▒). RESIDENT/GIVEN: what the process takes of the host, " +
			"and what the guest was given. KVM lets the guest run on the real processors; emulated is in software, and slow."},
	}
}

// keys returns those of the containers with their headings, then those of the virtual machines.
func (containersView) keys(s *model.Snapshot, st State) []string {
	return workloadList(listedRows(s, st), st.sortedVMs(s)).keys()
}

func workloadList(rows []containerRow, vms []*model.VM) rowList {
	return rowList{n: len(rows) + len(vms), key: func(i int) string {
		if i < len(rows) {
			return rows[i].key()
		}
		return vmKey(vms[i-len(rows)])
	}}
}

func (containersView) heading(s *model.Snapshot, st State, key string) string {
	for _, r := range listedRows(s, st) {
		if r.group != nil && r.key() == key {
			return containerRow{group: r.group}.key()
		}
	}
	return ""
}

func (containersView) page(s *model.Snapshot, st State, w int) []line {
	if c := containerOf(s, st.Open); c != nil {
		return containerPage(c, s, st, w)
	}
	if v := openVM(s, st.Open); v != nil {
		return vmPage(v, s, w)
	}
	return nil
}

func (containersView) name(s *model.Snapshot, key string) string {
	if c := containerOf(s, key); c != nil {
		return c.Label
	}
	if v := openVM(s, key); v != nil {
		return v.Label()
	}
	return "a container"
}

func (containersView) link(s *model.Snapshot, key string) link {
	if c := containerOf(s, key); c != nil {
		return containerLink(c, s)
	}
	if v := openVM(s, key); v != nil {
		return machineLink(v, s)
	}
	return link{}
}

// sortedVMs returns the virtual machines that are listed, in the order of the containers.
func (st State) sortedVMs(s *model.Snapshot) []*model.VM {
	return st.Sort.sortedVMs(st.filteredVMs(s), s)
}

// openVM returns the virtual machine with a key; nil if it is gone.
func openVM(s *model.Snapshot, key string) *model.VM {
	return find(s.VMs, func(v *model.VM) bool { return vmKey(v) == key })
}

// containerOf returns the container with a key; nil if it is gone.
func containerOf(s *model.Snapshot, key string) (c *model.Container) {
	for other := range s.All() {
		its := containerKey(other)
		if its == key {
			return other
		}
		if c == nil && sameContainer(its, key) { // it has ended meanwhile, or was started anew
			c = other
		}
	}
	return c
}

const (
	// An ended container stays in the table for a minute; one with OOM kills stays longer, since
	// people look for those.
	endedStays       = time.Minute
	killedStays      = 15 * time.Minute
	mostEnded        = 5
	keyOfEnded  byte = '@'
)

// listedContainers returns those that the table shows: the live ones, the quiet ones among them if asked for, then a handful of ended ones.
func listedContainers(s *model.Snapshot, needle string, quiet bool) []*model.Container {
	out := make([]*model.Container, 0, len(s.Containers))
	ended := 0
	addQuiet := func() {
		for i := range s.Quiet {
			if c := &s.Quiet[i]; quiet && query.Containers.Match(c, needle) {
				out = append(out, c)
			}
		}
		quiet = false
	}
	for i := range s.Containers {
		c := &s.Containers[i]
		if !query.Containers.Match(c, needle) {
			continue
		}
		if !c.Live() {
			addQuiet()
			past := s.Now().Sub(c.Ended())
			if past > killedStays || (past > endedStays && c.OOMKillsAtLeast == 0) || ended == mostEnded {
				continue
			}
			ended++
		}
		out = append(out, c)
	}
	addQuiet()
	return out
}

// containerKey returns a container's id; after its end the key also has the time of that, since an engine may
// start the same container again.
func containerKey(c *model.Container) string {
	if c.Live() {
		return c.ID
	}
	return c.ID + string(keyOfEnded) + strconv.FormatInt(c.Exited.UnixNano(), 10)
}

// sameContainer reports whether two keys are of one container, perhaps of different runs.
func sameContainer(a, b string) bool {
	idOf := func(key string) string {
		if i := strings.LastIndexByte(key, keyOfEnded); i >= 0 {
			return key[:i]
		}
		return key
	}
	return idOf(a) == idOf(b)
}

// columns returns the columns of the containers.
func (sc screen) columns() columns {
	c := columnsFor(sc.w, sc.state.Columns)
	c.sort = sc.state.Sort
	return c
}

// rows draws the table, what is near its limit and the latest kill in words, the stream.
func (v containersView) rows(sc screen, h int) []row {
	if sc.state.Chooser != ChooseNothing {
		return sc.withChooser(h)
	}
	c := sc.columns()
	list, vms := listedRows(sc.s, sc.state), sc.state.sortedVMs(sc.s)
	table := max(len(list), min(h/4, 6)) // a few rows in reserve: another container moves nothing
	if len(vms) > 0 {
		table = max(len(list)+h/28, min(h/8, 3)) // and if there is room, a blank one before the machines
	}
	var empty []line
	if len(list) == 0 {
		empty = sc.noContainers(len(vms) > 0)
		table = len(empty) + min(len(vms), h/28)
	}
	head := c.headLines(h)
	bar, _ := memoryWidths(c.of(columnMemory))
	marks := legend(c, sc.w, slices.ContainsFunc(list, containerRow.hasDead), slices.ContainsFunc(list, func(r containerRow) bool { return r.hasCache(bar) }))
	if len(list) == 0 {
		marks = nil
	}
	banner := sc.tidings(h, false)
	room := h - len(head) - len(banner)

	// The virtual machines have their place even if not all containers fit.
	var vmHead, vmMarks []line
	machines := 0
	if len(vms) > 0 {
		machines = min(len(vms), max(h/8, 1))
		if h >= 12 {
			vmHead = c.vmHeadLines(h)
		}
		vmMarks = vmLegend(c, sc.w)
		room -= len(vmHead) + machines
	}

	// A low screen leaves out first the machines' legend, then the stream, then the legend.
	least := min(table, 4)
	if len(vms) > 0 {
		least = min(len(list), 6)
	}
	// Where the list does not fit on it, the tidings are told in fewer lines, and the stream is short.
	long := max(h/4, 5)
	if h < tightHeight && len(banner) > 0 && len(list) > room-len(marks)-streamRows(long, room) {
		room += len(banner)
		banner = sc.tidings(h, true)
		room -= len(banner)
		long = 3
	}
	stream := streamRows(long, room-len(marks)-least)
	less := room - len(marks) - len(vmMarks) - least
	if with := streamRows(long, less); (with > 0) == (stream > 0) && less >= with {
		marks, stream = append(marks, vmMarks...), with
	}
	if room-len(marks)-stream < min(table, 3) {
		marks = nil
	}
	table = min(table, max(room-len(marks)-stream, 1))
	machines += max(min(len(vms)-machines, room-len(marks)-stream-table), 0)

	rows := append(make([]row, 0, h+1), plainRows(head)...)
	at := sc.state.cursorIn(workloadList(list, vms))
	if len(list) == 0 {
		rows = append(rows, plainRows(empty[:min(len(empty), table)])...)
	} else {
		rows = sc.containerRows(rows, c, list, table, at)
	}
	for len(rows) < len(head)+table {
		rows = append(rows, row{})
	}
	from, to := partOf(len(vms), machines, at-len(list))
	if n := len(vmHead); n > 0 && to-from < len(vms) {
		vmHead[n-1] = c.vmHead(fmt.Sprintf("VM %d-%d of %d", from+1, to, len(vms)))
	}
	rows = append(rows, plainRows(vmHead)...)
	for i := from; i < to; i++ {
		selected := i == at-len(list)
		rows = append(rows, row{line: c.vmRow(vms[i], sc.s, selected, sc.state.Search), selected: selected, key: vmKey(vms[i])})
	}
	rows = append(rows, plainRows(marks)...)
	rows = append(rows, plainRows(banner)...)
	if stream > 0 {
		rows = append(rows, sc.stream(h-len(rows))...)
	}
	return rows
}

// smallRows draws the latest kill if it is fresh and no search is being typed, then a line for each container.
func (containersView) smallRows(sc screen, h int) []row {
	var rows []row
	if kill := sc.smallKill(); kill != nil && !sc.state.Typing {
		rows = append(rows, row{line: kill})
	}
	if h -= len(rows); h <= 0 {
		return rows
	}
	if sc.state.Chooser != ChooseNothing {
		return append(rows, sc.choiceRows(h)...)
	}
	list, vms := listedRows(sc.s, sc.state), sc.state.sortedVMs(sc.s)
	if len(list)+len(vms) == 0 {
		return append(rows, row{line: text(Dim, "no container")})
	}
	name := min(max(sc.w-marker-1-len("63.9/64 MiB"), sc.w/3), 24)
	rows, _, _ = sc.list(rows, workloadList(list, vms), h, func(l line, i int, selected bool) line {
		l = l.join(cursorMark(selected))
		if i >= len(list) {
			v := vms[i-len(list)]
			return l.join(text(Title, "VM ").join(vmName(v)).fit(name)).space(1).join(vmMemory(v, 0, memoryText))
		}
		c := list[i].container
		if c == nil {
			return l.join(list[i].title("").fit(name)).space(1).join(groupMemory(list[i].in()))
		}
		l = l.join(nameCell(c, list[i].in(), Name, "", name).fit(name)).space(1)
		if !c.Live() {
			return l.join(storyLine(story.BriefEnd(c.End()), sc.s.Time))
		}
		return l.join(memoryCell(c.Memory, 0, memoryText))
	})
	return rows
}

// tightHeight is the height of the list below which it has more rows at the cost of what is told below it.
const tightHeight = 28

// tidings returns what is near its limit and the latest kill in words, below a rule. If space is tight there is none, and the words take the
// width below their label.
func (sc screen) tidings(h int, tight bool) []line {
	lines := sc.banner(max(h/3, 3), tight)
	if near := sc.nearLimit(h); len(near) > 0 {
		lines = append(near, lines[min(1, len(lines)):]...) // below one rule
	}
	if tight {
		lines = lines[min(1, len(lines)):]
	}
	return lines
}

// streamRows returns how many of the rows the stream takes, at most long.
func streamRows(long, room int) int {
	for _, want := range []int{long, 4, 3} {
		if want <= min(room, long) {
			return want
		}
	}
	return 0
}

// headLines returns the titles and, where a screen of h rows has room for them, the groups above.
func (c columns) headLines(h int) []line { return withGroups(h >= 20, c.groups(), c.head()) }

// vmHeadLines is headLines for virtual machines.
func (c columns) vmHeadLines(h int) []line { return withGroups(h >= 28, c.vmGroups(), c.vmHead("")) }

func withGroups(room bool, groups, head line) []line {
	if room && len(groups) > 0 {
		return []line{groups, head}
	}
	return []line{head}
}

// containerRows appends at most n rows. The cursor is at row at, which may be below them.
func (sc screen) containerRows(rows []row, c columns, list []containerRow, n, at int) []row {
	noted := len(list) > n && n > 2
	if noted {
		n--
	}
	from, to := partOf(len(list), n, at)
	for i := from; i < to; i++ {
		rows = append(rows, row{words: func(l line) line { return c.row(l, list[i], sc.s, i == at, sc.state.Search) }, selected: i == at, key: list[i].key()})
	}
	if noted {
		rows = append(rows, row{line: moreNote(from, to, len(list))})
	}
	return rows
}

// partOf returns the part of a list that n rows show: the part with the cursor or, if the cursor is elsewhere, the top.
func partOf(count, n, at int) (from, to int) {
	if at >= count {
		at = 0
	}
	return window(count, max(at, 0), n)
}

// noContainers returns the text of the empty table, with advice; beside virtual machines it is a
// single line.
func (sc screen) noContainers(machines bool) []line {
	if out := sc.filteredOut(); out != nil {
		return out
	}
	switch {
	case machines && sc.state.Search != "":
		return []line{text(Dim, "  no container matches “"+sc.state.Search+"”")}
	case machines:
		return []line{text(Dim, "  no container is running")}
	case sc.state.Search != "" && len(sc.s.VMs) > 0:
		return []line{nil, text(Plain, "  No container matches “"+sc.state.Search+"”, and no VM."), nil}
	case sc.state.Search != "":
		return []line{nil, text(Plain, "  No container matches “"+sc.state.Search+"”."), nil}
	case sc.attaching():
		return []line{
			nil, text(Strong, "  nsviz is attaching its probes to the kernel…"),
			text(Dim, "  This takes a second or two; containers that already run show up right after."), nil,
		}
	case sc.state.Replay:
		return []line{nil, text(Plain, "  At this point of the recording no container is running."), nil}
	}
	return []line{
		nil,
		text(Strong, "  No container is running."),
		text(Dim, "  Start one in another terminal and watch it being made:"),
		nil,
		text(Dim, "    ").add(KeyCap, "sudo nsviz demo").add(Dim, "               the tour: isolation, start, OOM kills"),
		text(Dim, "    ").add(KeyCap, "docker run --rm -it alpine").add(Dim, "    a shell in a container of your own"),
		nil,
	}
}

// stream draws the latest events in h rows, a rule among them.
func (sc screen) stream(h int) []row {
	if h < 2 {
		return nil
	}
	rows := []row{{line: rule(text(Title, "events").add(Dim, ", newest first"), sc.w)}}
	events := eventRows(sc.s, sc.state.Search, h-1, true)
	if len(events) == 0 {
		return append(rows, row{line: sc.noEvents()})
	}
	columns := eventColumns(sc, func(i int) *eventRow { return &events[i] })
	for i := range events {
		rows = append(rows, row{words: func(l line) line { return rowLine(l.space(1), columns, i) }})
	}
	return rows
}
