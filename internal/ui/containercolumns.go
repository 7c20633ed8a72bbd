package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/story"
)

const (
	// An ended container stays in the table for a minute; one that had OOM kills for longer, since
	// that is what people come to look for.
	endedStays       = time.Minute
	killedStays      = 15 * time.Minute
	mostEnded        = 5
	keyOfEnded  byte = '@'
)

// listedContainers are those that the table shows: the live ones, then a handful of ended ones.
func listedContainers(s *isolation.Snapshot, needle string) []*isolation.Container {
	var out []*isolation.Container
	ended := 0
	for i := range s.Containers {
		c := &s.Containers[i]
		if !matches(needle, c.Label, c.ID, c.Image, c.Runtime, c.InitComm) {
			continue
		}
		if !c.Live() {
			past := s.Now().Sub(c.Ended())
			if past > killedStays || (past > endedStays && c.OOMKillsAtLeast == 0) || ended == mostEnded {
				continue
			}
			ended++
		}
		out = append(out, c)
	}
	return out
}

// containerKey is a container's id; one that ended also has its end in the key, since an engine may
// start the same container anew.
func containerKey(c *isolation.Container) string {
	if c.Live() {
		return c.ID
	}
	return c.ID + string(keyOfEnded) + strconv.FormatInt(c.Exited.UnixNano(), 10)
}

// sameContainer reports whether two keys are of one container, perhaps of different lives.
func sameContainer(a, b string) bool {
	idOf := func(key string) string {
		if i := strings.LastIndexByte(key, keyOfEnded); i >= 0 {
			return key[:i]
		}
		return key
	}
	return idOf(a) == idOf(b)
}

// columns are the widths of the table's columns; 0 is a column that has no room. They depend on the
// width of the screen alone, so that a column keeps its place whatever happens.
type columns struct {
	name, image, pid, up, start int
	namespace                   int // of each of the eight
	bar, memory                 int
	spark                       int
	oom, procs                  int
}

const (
	marker     = 2  // the cursor
	memoryText = 13 // 1023/1024 MiB
)

// width is what the columns take, with the gaps between them.
func (c columns) width() int {
	w := marker + c.name + 1
	for _, column := range []int{c.image, c.pid, c.up, c.start, c.spark, c.oom, c.procs} {
		if column > 0 {
			w += column + 1
		}
	}
	if c.namespace > 0 {
		w += 1 + namespaceColumns*c.namespace + c.namespace/4
	}
	if c.bar > 0 {
		w += c.bar + 1
	}
	return w + c.memory + 1
}

// columnsFor drops columns until the rest fits, the least telling first, and hands out what is left.
func columnsFor(w int) columns {
	c := columns{
		name: 16, image: 16, pid: 8, up: 7, start: 7, namespace: 4, bar: 6, memory: memoryText,
		spark: 9, oom: 4, procs: 5,
	}
	for _, drop := range []func(){
		func() { c.image = 0 },
		func() { c.spark = 0 },
		func() { c.start = 0 },
		func() { c.procs = 0 },
		func() { c.namespace = 2 },
		func() { c.name = 13 },
		func() { c.up, c.name = 0, 10 },
		func() { c.bar = 0 },
		func() { c.pid = 0 },
		func() { c.namespace = 0 },
		func() { c.oom = 0 },
	} {
		if c.width() <= w {
			break
		}
		drop()
	}
	give := func(column *int, most int) {
		if *column > 0 {
			*column = max(min(*column+w-c.width(), most), *column)
		}
	}
	give(&c.name, 16)
	give(&c.spark, 20)
	give(&c.name, 24)
	give(&c.bar, 12)
	give(&c.spark, isolation.HistoryLength)
	give(&c.image, 32)
	give(&c.name, 48)
	if c.width() > w {
		c.name = max(c.name-(c.width()-w), 1)
	}
	return c
}

// titles are those columns' titles that differ between the parts of the table.
type titles struct {
	name, image, start   string
	namespaces           line
	memory, spark, count string
}

// head is the row of column titles above the containers.
func (c columns) head() line {
	spark := "LAST MINUTE"
	if c.spark < len(spark) {
		spark = "LAST MIN"
	}
	return c.titled(titles{
		name: "CONTAINER", image: "IMAGE", start: "START", namespaces: namespaceHead(c.namespace),
		memory: "MEMORY", spark: spark, count: "OOM",
	})
}

func (c columns) titled(t titles) line {
	title := func(s string) line { return text(Title, s) }
	l := line{}.space(marker).join(title(t.name).fit(c.name)).space(1)
	if c.image > 0 {
		l = l.join(title(t.image).fit(c.image)).space(1)
	}
	for _, column := range []struct {
		width int
		name  string
	}{{c.pid, "HOST PID"}, {c.up, "UP"}, {c.start, t.start}} {
		if column.width > 0 {
			l = l.join(title(column.name).right(column.width)).space(1)
		}
	}
	if c.namespace > 0 {
		l = l.space(1).join(t.namespaces).space(c.namespace / 4)
	}
	l = l.join(title(t.memory).fit(c.memoryWidth())).space(1)
	if c.spark > 0 {
		l = l.join(title(t.spark).fit(c.spark)).space(1)
	}
	if c.oom > 0 {
		l = l.join(title(t.count).right(c.oom)).space(1)
	}
	if c.procs > 0 {
		l = l.join(title("PROCS").right(c.procs))
	}
	return l
}

// memoryWidth is that of the bar and the text beside it.
func (c columns) memoryWidth() int {
	if c.bar > 0 {
		return c.bar + 1 + c.memory
	}
	return c.memory
}

// groups is the row above the titles that says what the columns are about.
func (c columns) groups() line { return c.grouped("namespaces", "cgroup") }

func (c columns) grouped(sees, uses string) line {
	if c.namespace < 4 {
		return nil
	}
	left := c
	left.namespace, left.bar, left.memory, left.spark, left.oom, left.procs = 0, 0, 0, 0, 0, 0
	group := func(what, name string, w int) line {
		if len(what)+len(name)+len("[ :  ]") <= w {
			name = what + ": " + name
		}
		l := text(Dim, "╭ ").add(Strong, name).add(Dim, " ")
		return l.add(Dim, strings.Repeat("─", max(w-l.width()-1, 0))+"╮")
	}
	memory := c.memoryWidth()
	for _, column := range []int{c.spark, c.oom} {
		if column > 0 {
			memory += column + 1
		}
	}
	return line{}.space(left.width()).
		join(group("what it sees", sees, namespaceColumns*c.namespace-1)).space(2).
		join(group("what it may use", uses, memory))
}

// row draws one container.
func (c columns) row(ct *isolation.Container, s *isolation.Snapshot, selected bool, needle string) line {
	l := cursorMark(selected)
	if !ct.Live() {
		return l.join(c.ended(ct, s, needle))
	}
	l = l.join(text(Name, ct.Label).mark(needle).fit(c.name)).space(1)
	if c.image > 0 {
		l = l.join(orUnknown(ct.Image).dimmed().mark(needle).fit(c.image)).space(1)
	}
	if c.pid > 0 {
		l = l.join(pidText(ct.InitPID).right(c.pid)).space(1)
	}
	if c.up > 0 {
		up := upText(ct, s.Time)
		if v := machineOf(ct, s); v != nil && ct.State == isolation.Starting {
			up = vmUp(v, s.Time) // no program of the container's own starts on this kernel
		}
		l = l.join(up.right(c.up)).space(1)
	}
	if c.start > 0 {
		l = l.join(startText(ct).right(c.start)).space(1)
	}
	if c.namespace > 0 {
		cells := namespaceCells(ct, c.namespace)
		if machineOf(ct, s) != nil {
			cells = opaque("a VM, below", c.namespace)
		}
		l = l.space(1).join(cells).space(c.namespace / 4)
	}
	l = l.join(c.memoryOf(ct)).space(1)
	if c.spark > 0 {
		l = l.join(spark(ct.Memory, s.Host.MemoryBytes, c.spark)).space(1)
	}
	return l.join(c.counts(ct))
}

// memoryOf is a container's memory or, where that matters more, why its limit does not do what it is for.
func (c columns) memoryOf(ct *isolation.Container) line {
	switch {
	case ct.Unheld != nil:
		l := text(Alarm, "not held")
		if ct.Stuck != nil {
			l = l.add(Alarm, ", stuck")
		} else if ct.Unheld.Cgroup != "" {
			l = l.add(Warn, ", in "+story.ShortPath(ct.Unheld.Cgroup))
		}
		return l.fit(c.memoryWidth())
	case ct.Stuck != nil:
		l := text(Alarm, "stuck")
		if ct.Memory.LimitBytes != nil && ct.Stuck.Cgroup == ct.CgroupPath {
			l = l.add(Warn, " at "+story.Bytes(*ct.Memory.LimitBytes))
		}
		return l.fit(c.memoryWidth())
	}
	return memoryCell(ct.Memory, c.bar, c.memory)
}

func (c columns) counts(ct *isolation.Container) line {
	var l line
	if c.oom > 0 {
		kills := text(Dim, "0")
		switch n := ct.OOMKillsAtLeast; {
		case ct.OOMKills == nil && n == 0:
			kills = text(Unknown, "?")
		case ct.OOMKills == nil:
			kills = text(KillMark, strconv.FormatUint(n, 10)).add(Unknown, "+")
		case n > 0:
			kills = text(KillMark, strconv.FormatUint(n, 10))
		}
		l = l.join(kills.right(c.oom)).space(1)
	}
	if c.procs > 0 {
		procs := text(Unknown, "?")
		switch {
		case !ct.Live():
			procs = nil
		case ct.Processes != nil:
			procs = text(Plain, strconv.Itoa(*ct.Processes))
			if refusedAny(ct) {
				procs = text(Warn, strconv.Itoa(*ct.Processes)+"!")
			}
		}
		l = l.join(procs.right(c.procs))
	}
	return l
}

// refusedAny reports whether a limit has kept a container from making processes.
func refusedAny(ct *isolation.Container) bool { return ct.PIDsRefused != nil && *ct.PIDsRefused > 0 }

// ended draws a container that is no more: its name and how it ended, where the live ones have
// their namespaces and memory.
func (c columns) ended(ct *isolation.Container, s *isolation.Snapshot, needle string) line {
	l := text(Dim, ct.Label).mark(needle).fit(c.name).space(1)
	if c.image > 0 {
		l = l.join(text(Dim, ct.Image).mark(needle).fit(c.image)).space(1)
	}
	if c.pid > 0 {
		l = l.join(pidText(ct.InitPID).dimmed().right(c.pid)).space(1)
	}
	if c.up > 0 {
		lived := text(Dim, "?")
		if from := ct.Begin(); !from.Time.IsZero() && !ct.Exited.IsZero() {
			lived = text(Dim, uptime(ct.Ended().Sub(from)))
		}
		l = l.join(lived.right(c.up)).space(1)
	}
	rest := c
	rest.name, rest.image, rest.pid, rest.up, rest.oom, rest.procs = 0, 0, 0, 0, 0, 0
	story := wordEnd(ct.End())
	if !ct.Exited.IsZero() {
		story = story.add(Dim, ", "+ago(s.Now().Sub(ct.Ended())))
	}
	return l.join(text(Dim, " ended: ").join(story).fit(rest.width() - marker - 2)).space(1).join(c.counts(ct))
}

func pidText(pid int32) line {
	if pid == 0 {
		return text(Unknown, "?")
	}
	return text(Number, strconv.Itoa(int(pid)))
}

// bornAt is when the container began, as far as it is known.
func bornAt(ct *isolation.Container) time.Time {
	if !ct.Started.IsZero() {
		return ct.Started
	}
	return ct.Created
}

func upText(ct *isolation.Container, now time.Time) line {
	switch from := bornAt(ct); {
	case ct.State == isolation.Starting:
		return text(Birth, "starts")
	case from.IsZero():
		return text(Unknown, "?")
	default:
		return text(Plain, uptime(now.Sub(from)))
	}
}

func startText(ct *isolation.Container) line {
	if ct.StartDuration == nil {
		return text(Unknown, "?")
	}
	return text(Plain, startTime(*ct.StartDuration))
}

// orUnknown is a text, or a question mark where there is none.
func orUnknown(s string) line {
	if s == "" {
		return text(Unknown, "?")
	}
	return text(Plain, s)
}

// memoryCell is usage, limit and how near they are.
func memoryCell(m isolation.Memory, barWidth, textWidth int) line {
	whole := textWidth
	if barWidth > 0 {
		whole += barWidth + 1
	}
	switch {
	case m.LimitBytes != nil && m.UsageBytes != nil:
		var l line
		if barWidth > 0 {
			l = bar(*m.UsageBytes, *m.LimitBytes, barWidth).space(1)
		}
		style := closeness(*m.UsageBytes, *m.LimitBytes)
		if style == Calm {
			style = Plain
		}
		return l.join(text(style, story.BytesOf(*m.UsageBytes, "/", *m.LimitBytes)).fit(textWidth))
	case m.LimitBytes != nil && barWidth == 0:
		return text(Unknown, "?").add(Plain, "/"+story.Bytes(*m.LimitBytes)).fit(whole)
	case m.LimitBytes != nil:
		return text(Unknown, "?").add(Plain, ", limit "+story.Bytes(*m.LimitBytes)).fit(whole)
	}
	usage, known := "?", m.UsageBytes != nil
	if known {
		usage = story.Bytes(*m.UsageBytes)
	}
	l := text(Plain, usage)
	if !known {
		l = text(Unknown, usage)
	}
	switch {
	case m.Unlimited && barWidth > 0:
		l = l.add(Dim, ", no limit")
	case m.Unlimited:
		l = l.add(Dim, "/none")
	case known && barWidth > 0:
		l = l.add(Plain, ", limit ").add(Unknown, "?")
	case known:
		l = l.add(Plain, "/").add(Unknown, "?")
	}
	return l.fit(whole)
}
