package webui

import (
	"cmp"
	"fmt"
	"net/http"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/story"
)

// workload is the page of a workload.
type workload struct {
	Row  *row    `json:"row"`
	Full string  `json:"full"` // its whole name
	Text []piece `json:"text"` // how it is, in sentences
	// About are its image, id and the like.
	About []about `json:"about"`
	Sees  []wall  `json:"sees,omitempty"`
	// SeesMore and Uses are lines, Memory and CPU the last minute, in which an unknown value is null. Most is what they are drawn up to.
	SeesMore []about    `json:"sees_more,omitempty"`
	Uses     []about    `json:"uses,omitempty"`
	Memory   []*uint64  `json:"memory,omitempty"`
	CPU      []*float64 `json:"cpu,omitempty"`
	Killed   []int      `json:"killed,omitempty"` // by seconds, as Memory

	MadeOf    []about   `json:"made_of,omitempty"`
	MayDo     []about   `json:"may_do,omitempty"`
	Processes []process `json:"processes,omitempty"`
	MoreProcs int       `json:"processes_more,omitempty"`
	Holes     []hole    `json:"holes,omitempty"`
	Sound     []string  `json:"sound,omitempty"`
	Unknown   []string  `json:"unknown,omitempty"`
	// Read is when its processes, files and privileges were read; 0 is not. Problem says why they could not be.
	Read    int64  `json:"read,omitempty"`
	Problem string `json:"problem,omitempty"`

	Start   []step  `json:"start,omitempty"`
	Started string  `json:"start_words,omitempty"`
	History []entry `json:"history,omitempty"`
	Hand    []about `json:"hand,omitempty"` // commands
}

// wall is the namespace of a type that a workload is in.
type wall struct {
	Type  string `json:"type"`
	Sign  string `json:"sign"`
	Words string `json:"words"`
	Sees  string `json:"sees"`
	ID    uint64 `json:"id,omitempty"`
}

type process struct {
	Depth  int    `json:"depth,omitempty"`
	PID    int32  `json:"pid"`
	Inside string `json:"inside,omitempty"`
	UID    uint32 `json:"uid"`
	Comm   string `json:"comm"`
}

type hole struct {
	Severity string   `json:"severity"`
	Serious  bool     `json:"serious,omitempty"`
	Title    string   `json:"title"`
	Details  []string `json:"details,omitempty"`
	Meaning  string   `json:"meaning,omitempty"`
	Close    string   `json:"close,omitempty"`
}

// step is a part of a start, from and to as parts of the whole.
type step struct {
	Label string  `json:"label"`
	Words string  `json:"words"`
	By    string  `json:"by"`
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Took  string  `json:"took"`
}

type entry struct {
	At    int64   `json:"at"`
	Until int64   `json:"until,omitempty"`
	Text  []piece `json:"text"`
	// LeftOut is how many entries before it are not kept.
	LeftOut uint64 `json:"left_out,omitempty"`
}

// maxHistory bounds the entries of a history: the first and the latest ones are shown.
const maxHistory = 200

func (p *Page) serveWorkload(w http.ResponseWriter, r *http.Request) {
	f := p.frame(w)
	if f == nil {
		return
	}
	key := r.URL.Query().Get("key")
	for i := range f.snapshot.VMs {
		if v := &f.snapshot.VMs[i]; vmKey(v) == key {
			reply(w, http.StatusOK, machineOf(v))
			return
		}
	}
	c := containerOf(f.snapshot, key)
	if c == nil {
		reply(w, http.StatusNotFound, refusal{Error: "nsviz knows no such workload any more"})
		return
	}
	page := workloadOf(c, f.snapshot)
	if c.Live() {
		if in := p.readings.of(r.Context(), f.snapshot, c); in != nil {
			page.add(in)
		}
	}
	reply(w, http.StatusOK, page)
}

func containerOf(s *model.Snapshot, key string) *model.Container {
	for c := range s.All() {
		if c.ID == key {
			return c
		}
	}
	for i := range s.FailedStarts {
		if s.FailedStarts[i].ID == key {
			return &s.FailedStarts[i]
		}
	}
	return nil
}

// workloadOf returns the page of a container, without what has to be read for it.
func workloadOf(c *model.Container, s *model.Snapshot) *workload {
	p := &workload{Row: rowOf(c, s, "", ""), Full: foreign.Clean(c.Label), Text: piecesOf(sentencesOf(c, s))}
	say := func(list *[]about, subject, words string) {
		if words != "" {
			*list = append(*list, about{subject, foreign.Prose(words)})
		}
	}
	say(&p.About, "image", c.Image)
	say(&p.About, "runtime", c.Runtime)
	say(&p.About, "id", event.ShortID(c.ID))
	say(&p.About, "member", story.Membership(c.Identity()))
	if c.InitPID != 0 {
		say(&p.About, "first process", fmt.Sprintf("%s, PID %d on the host", cmp.Or(c.InitComm, "?"), c.InitPID))
	}
	if c.Live() {
		p.Sees = wallsOf(c.Namespaces)
		p.Uses = usesOf(c)
	}
	p.series(c)
	p.starts(c)
	p.history(c)
	name := story.ShellWord(foreign.Clean(c.Label))
	say(&p.Hand, "its history", "nsviz why -- "+name)
	say(&p.Hand, "taken apart", "sudo nsviz inspect -- "+name)
	if c.Live() && c.InitPID != 0 {
		say(&p.Hand, "its namespaces", fmt.Sprintf("lsns -p %d", c.InitPID))
	}
	if c.Live() {
		if file := story.MemoryFile(c.CgroupPath, s.Host.CgroupVersion, "memory.limit_in_bytes", "memory.max"); file != "" {
			say(&p.Hand, "its memory limit", "cat "+file)
		}
	}
	say(&p.Hand, "its OOM kills", story.CountByHand(&event.OOM{Scope: event.ScopeCgroup, Cgroup: c.CgroupPath}, s.Host.CgroupVersion))
	return p
}

// sentencesOf says how a container is, and what is wrong with it.
func sentencesOf(c *model.Container, s *model.Snapshot) (t story.Text) {
	add := func(sentences story.Text) {
		if len(sentences) == 0 {
			return
		}
		if len(t) > 0 {
			t = append(t, story.Piece{Text: " "})
		}
		t = append(t, sentences...)
	}
	if c.Live() {
		what := "ordinary processes"
		if n := c.Processes; n != nil {
			what = story.Count(uint64(*n), "ordinary process", "ordinary processes")
		}
		add(story.Text{{Text: c.Label, Weight: story.Name}, {Text: " is "}, {Text: what, Weight: story.Strong}, {Text: " of this host. " + placeOf(c.Namespaces)}})
	}
	add(story.Container(c, s))
	if c.Live() {
		add(story.NearLimit(c, s))
		add(story.AtLimits(c, s))
	}
	return t
}

func wallsOf(namespaces [event.NamespaceTypeCount]model.Membership) []wall {
	walls := make([]wall, 0, len(namespaces))
	for t, m := range namespaces {
		typ := event.NamespaceType(t)
		walls = append(walls, wall{typ.String(), story.Sign(m), membershipOf(m), story.Isolates(typ), m.ID})
	}
	return walls
}

// usesOf says what a container uses and may use, as the model knows it.
func usesOf(c *model.Container) (lines []about) {
	say := func(subject, words string) { lines = append(lines, about{subject, foreign.Prose(words)}) }
	memory := memoryWords(c.Memory)
	if cache := c.Memory.CacheBytes(); cache != nil && *cache > 0 {
		memory += "; " + bytesOf(*cache) + " of it are cached files, which the kernel drops first"
	}
	say("memory", memory)
	if u := c.Use; u != nil {
		if u.CPUPercent != nil {
			words := fmt.Sprintf("%.1f %% of one CPU", *u.CPUPercent)
			if t := u.ThrottledPercent; t != nil && *t > 0 {
				words += fmt.Sprintf(", throttled in %.1f %% of the periods", *t)
			}
			say("cpu", words)
		}
		if u.SwapBytes != nil && *u.SwapBytes > 0 {
			say("swap", bytesOf(*u.SwapBytes))
		}
		for _, rate := range []struct {
			name string
			of   *float64
		}{{"received", u.ReceivedPerSecond}, {"sent", u.SentPerSecond}, {"read", u.ReadPerSecond}, {"written", u.WrittenPerSecond}} {
			if rate.of != nil {
				say(rate.name, bytesOf(uint64(*rate.of+0.5))+" a second")
			}
		}
	}
	if c.Processes != nil {
		words := fmt.Sprint(*c.Processes)
		if l := c.Limits.PIDs; l != nil && l.Value != nil {
			words += fmt.Sprintf(", at most %.0f with threads", *l.Value)
		}
		say("processes", words)
	}
	path := c.CgroupPath
	if path == "" && c.SharedCgroup != "" {
		path = c.SharedCgroup + ", which it shares with others: no limit is its own"
	}
	say("cgroup", cmp.Or(path, unknownWords))
	return lines
}

// series adds the last minute.
func (p *workload) series(c *model.Container) {
	for _, at := range c.Memory.History.Points() {
		var memory *uint64
		var cpu *float64
		if at.Known {
			memory = new(at.MaxBytes)
		}
		if at.CPUKnown {
			cpu = new(float64(at.CPUPercent))
		}
		p.Memory, p.CPU, p.Killed = append(p.Memory, memory), append(p.CPU, cpu), append(p.Killed, at.Kills)
	}
}

// starts adds where the time of its start went.
func (p *workload) starts(c *model.Container) {
	steps := story.StartSteps(c.Phases)
	if len(steps) < 2 {
		return
	}
	first, last := steps[0].From, steps[len(steps)-1].To
	span := float64(max(last-first, 1))
	for _, s := range steps {
		p.Start = append(p.Start, step{
			Label: s.Label, Words: s.Sentence, By: s.Doer.String(),
			From: float64(s.From-first) / span, To: float64(s.To-first) / span, Took: story.Millis(s.To - s.From),
		})
	}
	p.Started = story.StartSummary(steps)
}

// history adds what happened to it, the latest first.
func (p *workload) history(c *model.Container) {
	from := max(len(c.History)-maxHistory, 0)
	for i := len(c.History) - 1; i >= from; i-- {
		m := &c.History[i]
		e := entry{At: millis(m.Time), Until: millis(m.Until), Text: piecesOf(story.Entry(m, c)), LeftOut: m.LeftOut}
		if i == from {
			e.LeftOut += uint64(from)
		}
		p.History = append(p.History, e)
	}
}

// add adds what was read about a container.
func (p *workload) add(in *reading) {
	if p.Problem = foreign.Prose(in.problem); in.found == nil {
		return
	}
	d := in.found
	p.Read = millis(in.at.Truncate(time.Second))
	p.SeesMore, p.MadeOf, p.MayDo = linesOf(d.Sees), linesOf(d.MadeOf), linesOf(d.MayDo)
	p.Uses = append(p.Uses, linesOf(d.MayUse)...)
	for i := range d.Processes {
		t := &d.Processes[i]
		p.Processes = append(p.Processes, process{t.Depth, t.PID, t.InsideWords(), t.UID, foreign.Name(t.Comm)})
	}
	p.MoreProcs = d.MoreProcesses
	for i := range d.Holes {
		h := &d.Holes[i]
		out := hole{Severity: h.Severity, Serious: h.Serious, Title: foreign.Prose(h.Title), Meaning: foreign.Prose(h.Meaning), Close: foreign.Prose(h.Close)}
		for _, detail := range h.Details {
			out.Details = append(out.Details, foreign.Prose(detail))
		}
		p.Holes = append(p.Holes, out)
	}
	for _, s := range d.Sound {
		p.Sound = append(p.Sound, foreign.Prose(s))
	}
	for _, u := range d.Unknown {
		p.Unknown = append(p.Unknown, foreign.Prose(u))
	}
}

func linesOf(list []report.Line) (lines []about) {
	for _, l := range list {
		lines = append(lines, about{foreign.Prose(l.Subject), foreign.Prose(l.Words)})
	}
	return lines
}

// machineOf returns the page of a virtual machine.
func machineOf(v *model.VM) *workload {
	p := &workload{Row: vmRow(v), Full: foreign.Clean(v.Label()), Text: piecesOf(story.VMInWords(v)), Sees: wallsOf(v.Namespaces)}
	p.About = []about{{"program", foreign.Name(string(v.Kind))}, {"first process", fmt.Sprintf("PID %d on the host", v.PID)}}
	if v.Container != "" {
		p.About = append(p.About, about{"in", foreign.Name(v.Container)})
	}
	p.Uses = []about{{"memory", p.Row.Memory}}
	p.Hand = []about{{"its process", fmt.Sprintf("ps -o pid,user,rss,nlwp,args -p %d", v.PID)}}
	return p
}
