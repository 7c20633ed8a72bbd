package ui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/story"
)

// startsView lists the latest start of each workload as waterfalls to one scale, slowest first, with the one under the cursor step by step.
type startsView struct{ listView }

func (startsView) title() string { return "Starts" }

func (startsView) help() (name string, words []explained) {
	return "starts", []explained{
		{"TOOK", "The time of a start: from the request to the engine, if that is known, else from the making of the cgroup, to the first instruction of the container's own program. " +
			"▒ is what the engine prepares, ▓ its network, █ the runtime's work. ╌ is time of which the steps are unknown."},
	}
}

func (startsView) keys(s *model.Snapshot, st State) []string {
	return keysOf(listedStarts(s, st), containerStart.key)
}

func (startsView) subject(s *model.Snapshot, _ State, key string) subject {
	if c := startWith(s, key); c != nil {
		return subject{c.ID, "the id of " + foreign.Name(c.Label), containerTopics(c, s)}
	}
	return subject{}
}

func (v startsView) smallRows(sc screen, h int) []row { return withoutHead(v.rows(sc, h+1), h) }

func (startsView) name(s *model.Snapshot, key string) string {
	if c := startWith(s, key); c != nil {
		return "start of " + c.Label
	}
	return "a start"
}

// link leads to the page of the container. One that never ran has none.
func (startsView) link(s *model.Snapshot, key string) link {
	if c := containerOf(s, key); c != nil {
		return link{Containers, containerKey(c), "its container"}
	}
	return link{}
}

func (startsView) page(s *model.Snapshot, st State, w int) []line {
	if c := startWith(s, st.Open); c != nil {
		return startPage(startOf(c), s, w)
	}
	return nil
}

// startWith returns the container of the start with a key; nil if it is gone.
func startWith(s *model.Snapshot, key string) *model.Container {
	if c := containerOf(s, key); c != nil {
		return c
	}
	return find(s.FailedStarts, func(c *model.Container) bool { return sameContainer(containerKey(c), key) })
}

// containerStart is the latest start of a container.
type containerStart struct {
	*model.Container

	// count is how many steps of it are known: none, or only one, if nsviz saw no more than its beginning and its end. length is how long
	// they took.
	count  int
	length time.Duration
}

func startOf(c *model.Container) containerStart {
	length, count := story.StartLength(c.Phases)
	return containerStart{c, count, length}
}

// steps returns what is known of it.
func (c containerStart) steps() []story.Step { return story.StartSteps(c.Phases) }

func (c containerStart) key() string { return containerKey(c.Container) }

// failed reports whether the container's own program did not run.
func (c containerStart) failed() bool { return c.NeverStarted != nil || c.NeverRan }

// took returns how long the start took. It is false if it failed, or nsviz did not see it.
func (c containerStart) took() (time.Duration, bool) {
	switch {
	case c.failed():
		return 0, false
	case c.count > 1:
		return c.length, true
	case c.StartDuration != nil:
		return *c.StartDuration, true
	}
	return 0, false
}

// when returns when the container's own program ran, or when its start failed; zero is unknown.
func (c containerStart) when() time.Time {
	switch {
	case c.NeverStarted != nil:
		return c.NeverStarted.Over()
	case c.NeverRan:
		return c.Exited
	}
	return c.Started
}

// shown returns the steps up to the container's own program; what the engine says later is no part of the start.
func (c containerStart) shown() []story.Step {
	steps := c.steps()
	exec := story.ExecAt(steps)
	for len(steps) > 1 && steps[len(steps)-1].Doer == story.ByEngine && steps[len(steps)-1].From >= exec {
		steps = steps[:len(steps)-1]
	}
	return steps
}

// reason says in a few words why a start failed.
func (c containerStart) reason() string {
	switch n := c.NeverStarted; {
	case n == nil:
		return "the OOM killer took a process that was starting it"
	case n.Error != "":
		return n.Error
	}
	return "it ended before its own program ran, and no engine gave a reason"
}

// listedStarts returns the starts that nsviz saw and the search and the filter let through: the failed ones, then the slowest first.
func listedStarts(s *model.Snapshot, st State) []containerStart {
	quiet := st.listsQuiet(s)
	match := func(list []model.Container) []*model.Container {
		out := make([]*model.Container, 0, len(list))
		for i := range list {
			if c := &list[i]; query.Containers.Match(c, st.Search) {
				out = append(out, c)
			}
		}
		return out
	}
	began := match(s.Containers)
	if quiet {
		began = append(began, match(s.Quiet)...)
	}
	// The filter knows containers by their snapshot.
	failed := *s
	failed.Containers, failed.Quiet, failed.VMs = s.FailedStarts, nil, nil
	lists := [...][]*model.Container{st.filteredContainers(&failed, match(s.FailedStarts)), st.filteredContainers(s, began)}
	out := make([]containerStart, 0, len(lists[0])+len(lists[1]))
	for _, list := range lists {
		for _, c := range list {
			start := startOf(c)
			if _, seen := start.took(); seen || start.failed() {
				out = append(out, start)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b containerStart) int {
		if a.failed() != b.failed() {
			if a.failed() {
				return -1
			}
			return 1
		}
		x, _ := a.took()
		y, _ := b.took()
		return cmp.Or(cmp.Compare(y, x), b.when().Compare(a.when()), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// rows draws the list, and below it the start under the cursor step by step.
func (startsView) rows(sc screen, h int) []row {
	list := listedStarts(sc.s, sc.state)
	if len(list) == 0 {
		return plainRows(sc.noStarts())
	}
	keys := listBy(list, containerStart.key)
	at := list[sc.state.cursorIn(keys)]
	below := sc.startBelow(at, h-min(len(list)+1, max(h/2, 5)))
	rows := sc.table(startColumns(sc, list), keys, h-len(below), ", failed ones, then the slowest first")
	for len(rows) < h-len(below) {
		rows = append(rows, row{})
	}
	return append(rows, plainRows(below)...)
}

// startsWide is the width from which on the list has the times of day, and bars worth a legend.
const startsWide = 60

// startBelow draws a start in at most h rows, step by step if there is room for that.
func (sc screen) startBelow(c containerStart, h int) []line {
	steps := []line(nil)
	if c.count > 1 {
		for _, l := range waterfall(c.steps(), sc.w-3) {
			steps = append(steps, line{}.space(2).join(l))
		}
	}
	if len(steps) == 0 || len(steps)+2 > h {
		steps = paragraph(startSentence(c, sc.s), 2, sc.w)
	}
	if sc.w < startsWide || len(steps)+2 > h {
		return nil
	}
	marks := startLegend(sc.w)
	return append([]line{marks, rule(text(Title, c.Label), sc.w)}, steps...)
}

// startLegend explains the bars.
func startLegend(w int) line {
	return doerBar(story.ByEngine, 1).add(Dim, " engine  ").join(doerBar(story.ByNetwork, 1)).add(Dim, " its network  ").
		join(doerBar(story.ByRuntime, 1)).add(Dim, " runtime and kernel  ").add(Unknown, "╌").add(Dim, " steps unknown").right(max(w-1, 0)).cut(w)
}

// startColumns returns the columns of a list of starts.
func startColumns(sc screen, list []containerStart) []column {
	needle := sc.state.Search
	longest := time.Duration(1)
	for _, c := range list {
		took, _ := c.took()
		longest = max(longest, took)
	}
	const clock, took = 8, 8
	name := min(max(sc.w/5, 10), 30)
	room := sc.w - marker - name - 1 - took - 2 - 1
	var columns []column
	if sc.w >= startsWide {
		room -= clock + 2
		columns = append(columns, column{title: "WHEN", width: clock, gap: 2, cell: func(i int) line {
			if list[i].when().IsZero() {
				return text(Unknown, "?")
			}
			return text(Dim, clockIn(list[i].when(), sc.s.Time))
		}})
	}
	room = max(room, 1)
	return append(columns,
		column{title: "CONTAINER", width: name, gap: 1, cell: func(i int) line {
			style := Name
			if !list[i].Live() {
				style = Dim
			}
			return text(style, cutMiddle(list[i].Label, name)).mark(needle)
		}},
		column{title: "TOOK", width: took, right: true, gap: 2, cell: func(i int) line {
			if took, ok := list[i].took(); ok {
				return text(Strong, story.StartDuration(took))
			}
			return text(Alarm, "failed")
		}},
		column{title: "THE START, TO ONE SCALE OF " + strings.ToUpper(story.StartDuration(longest)), cell: func(i int) line {
			c := list[i]
			took, ok := c.took()
			if !ok {
				return text(Warn, c.reason()).cut(room)
			}
			return startBar(c, max(int(float64(room)*float64(took)/float64(longest)+0.5), 1))
		}})
}

// startBar draws a start in w columns. Each step has the mark of who spends its time.
func startBar(c containerStart, w int) line {
	if c.count < 2 {
		return text(Unknown, strings.Repeat("╌", w))
	}
	steps := c.shown()
	// Where steps share a column, the one that ends last has it.
	doers := make([]story.Doer, w)
	for i, bar := range story.Bars(steps, w) {
		for x := bar[0]; x < w; x++ {
			doers[x] = steps[i].Doer
		}
	}
	var l line
	for from := 0; from < w; {
		to := from + 1
		for to < w && doers[to] == doers[from] {
			to++
		}
		l, from = l.join(doerBar(doers[from], to-from)), to
	}
	return l
}

// startSentence says where the time of a start went, or why it failed.
func startSentence(c containerStart, s *model.Snapshot) line {
	if c.failed() {
		return storyLine(story.Container(c.Container, s), s.Time)
	}
	took, _ := c.took()
	if c.count < 2 {
		return text(Name, c.Label).add(Plain, " came to be in ").add(Strong, story.StartDuration(took)).
			add(Plain, ". Where that time went is unknown: nsviz saw no step of it but the making of its cgroup and its program.")
	}
	return text(Plain, story.StartSummary(c.steps()))
}

// noStarts returns the text of an empty list.
func (sc screen) noStarts() []line {
	if out := sc.filteredOut(); out != nil {
		return out
	}
	if sc.state.Search != "" {
		return []line{nil, text(Plain, "  No start matches “"+sc.state.Search+"”.")}
	}
	lines := []line{nil, text(Strong, "  No start so far."), nil}
	words := "A container starts in a fraction of a second, since no kernel boots. Here each start that nsviz sees is drawn step by step: the engine's preparation, the namespaces, the network, the mounts."
	if n := sc.s.LiveCount(); n > 0 {
		words = fmt.Sprintf("%s had started when nsviz began to watch. ", story.Count(uint64(n), "container", "containers")) + words
	}
	lines = append(lines, paragraph(text(Dim, words), 2, min(sc.w, 90))...)
	return append(lines, nil, text(Dim, "  See one: ").add(KeyCap, "sudo nsviz demo start"))
}
