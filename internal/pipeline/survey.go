package pipeline

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/probes"
	"github.com/nsviz/nsviz/internal/vmm"
)

// survey looks at the namespaces of all processes, again and again: for who is in which one, and to
// find what no probe has told.
func (p *Pipeline) survey(ctx context.Context, kernel *probes.Probes, freedIsHooked bool) {
	surveyor := newSurveyor(p, kernel.Sockets().Foreign)
	watched := reportsChanges(kernel.Choices())
	for {
		began := p.now()
		var known map[uint64]acquaintance
		// Who has changed its namespaces before the survey is known in it.
		if !kernel.Sync(ctx) {
			return
		}
		begin := surveyBegins{at: began}
		p.ask(&begin)
		known, surveyor.changed = begin.known, begin.changed
		if !watched {
			surveyor.changed = nil
		}
		s, thorough, err := surveyor.look(ctx, known)
		switch {
		case ctx.Err() != nil: // what is found by then is not all
			return
		case err != nil:
			p.cfg.Log.Warn("look at the namespaces of all processes", "error", err)
		default:
			ended := p.now()
			// Events of the time of the survey are taken in before it, so that what it adds comes in order.
			if !kernel.Sync(ctx) {
				return
			}
			// What nsviz may not see is not gone.
			p.send(surveyEnded{ended, s, thorough && !s.Unseen.Blind(), freedIsHooked})
		}
		if !collect.Pause(ctx, collect.Backoff(p.now().Sub(began), cmp.Or(p.cfg.SurveyInterval, surveyInterval), longestSurveyInterval)) {
			return
		}
	}
}

// surveyBegins asks what is known when a survey begins.
type surveyBegins struct {
	at      time.Time
	known   map[uint64]acquaintance
	changed map[int32]bool
}

func (m *surveyBegins) handle(l *loop) {
	m.known, m.changed = l.namespaces.beginSurvey(m.at), l.namespaces.takeChanged()
}

// surveyEnded is what a survey has found.
type surveyEnded struct {
	at                      time.Time
	found                   fact.Survey
	thorough, freedIsHooked bool
}

func (m surveyEnded) handle(l *loop) {
	news, alive := l.namespaces.endSurvey(m.at, m.found, m.thorough, m.freedIsHooked)
	for _, e := range news {
		e.Time = l.until
		l.applyEvent(e)
	}
	l.apply(fact.Fact{Time: m.at, Namespaces: &alive})
}

// reportsChanges reports whether the kernel reports the processes that change their namespaces. It does not for some calls of
// 32-bit programs, whatever the hook.
func reportsChanges(choices []probes.Choice) bool {
	works := func(name fact.ProbeName) bool {
		return slices.ContainsFunc(choices, func(c probes.Choice) bool { return c.Name == name && c.Works() })
	}
	return works(fact.ProbeNamespacesUnshared) && works(fact.ProbeNamespacesJoined)
}

// surveyor makes surveys. What every process is in is quickly read, and only of those that may have changed it. The open files
// and the threads of all processes are not: it searches them in the first survey, and later only for what should be there
// and was not found. It remembers where it found such a namespace, and how namespaces are related,
// which never changes.
type surveyor struct {
	p         *Pipeline
	own       int32 // this process
	relations map[uint64]relation
	pins      map[uint64]nsfs.Pin
	parser    *container.Parser
	boot      time.Time                       // zero until it is needed
	sockets   func() ([]probes.Socket, error) // of other net namespaces than their processes
	searched  bool                            // ever
	rest      time.Time                       // until when not to search again
	// changed are the processes that have changed their namespaces since the survey before; nil is that any may have.
	changed   map[int32]bool
	processes map[int32]*surveyedProcess
	turn      int
	readAll   time.Time // when a survey read of all processes what they are in
	// unfinished is whether the latest survey failed.
	unfinished bool
}

// surveyedProcess is what a survey has found of a process.
type surveyedProcess struct {
	inode   uint64 // of its directory, which tells processes with the same PID apart
	program string
	ids     event.NamespaceIDs
	refused bool
	turn    int // the latest survey that found it
}

// readAllEvery is how many surveys make one that reads of all processes what they are in, and readAllAfter after how long the
// next one does so at the latest.
const (
	readAllEvery = 10
	readAllAfter = 30 * time.Second
)

type relation struct {
	nsfs.Relation

	asked time.Time
}

// searchRest bounds what searches take: after one that took time t, none begins for searchRest × t, so that they take
// at most a twentieth of one CPU, however many files the host has open.
const searchRest = 19

func newSurveyor(p *Pipeline, sockets func() ([]probes.Socket, error)) *surveyor {
	return &surveyor{
		p: p, own: p.self, parser: container.NewParser(), sockets: sockets,
		relations: map[uint64]relation{}, pins: map[uint64]nsfs.Pin{}, processes: map[int32]*surveyedProcess{},
	}
}

// sightings are the namespaces that a survey under way has found.
type sightings map[uint64]*fact.Namespace

func (s sightings) see(t event.NamespaceType, id uint64) (n *fact.Namespace, first bool) {
	if n = s[id]; n != nil {
		return n, false
	}
	n = &fact.Namespace{Type: t, ID: id}
	s[id] = n
	return n, true
}

func (s sightings) lacks(_ event.NamespaceType, id uint64) bool { return s[id] == nil }

// look makes a survey. It is thorough where everything that is known and was not found has been
// searched for.
func (s *surveyor) look(ctx context.Context, known map[uint64]acquaintance) (_ fact.Survey, thorough bool, _ error) {
	var list fact.Survey
	found := sightings{}
	listed, err := s.p.fs.Proc.List()
	if err != nil {
		return fact.Survey{}, false, err
	}
	changed := s.changed
	now := s.p.now()
	s.turn++
	// What had changed in a survey that failed is not known any more.
	if s.turn%readAllEvery == 0 || s.unfinished || now.Sub(s.readAll) >= readAllAfter {
		changed = nil
	}
	if changed == nil {
		s.readAll = now
	}
	s.unfinished = true
	for id, r := range s.relations {
		// Its number may belong to a younger one by now.
		if k, ok := known[id]; ok && (k.typ != r.Type || !k.since.Before(r.asked)) {
			delete(s.relations, id)
		}
	}
	unseen := fact.Unseen{Untraced: !s.p.sight.MayTrace, Hidden: s.p.sight.Hidden}
	pids := make([]int32, 0, len(listed))
	for _, l := range listed {
		pid := l.PID
		pids = append(pids, pid)
		process, err := s.process(l, known, changed)
		if err != nil {
			continue // gone meanwhile
		}
		if process.refused {
			unseen.Processes++
		}
		if vmm.IsProgram(process.program) {
			s.lookForVM(pid, &list)
		}
		for _, t := range event.NamespaceTypes() {
			if process.ids[t] == 0 {
				continue
			}
			n, _ := found.see(t, process.ids[t])
			n.Processes = append(n.Processes, pid)
			s.relate(n, func(known func(uint64) bool) ([]nsfs.Relation, error) {
				return s.p.fs.NS.Relations(pid, t, known)
			})
		}
	}
	maps.DeleteFunc(s.processes, func(_ int32, p *surveyedProcess) bool { return p.turn != s.turn })
	list.Unseen = &unseen
	mounts, err := s.p.fs.NS.Mounts()
	if err != nil {
		return fact.Survey{}, false, err
	}
	for _, m := range mounts {
		n, _ := found.see(m.Type, m.ID)
		n.PinnedBy = append(n.PinnedBy, m.Point)
		s.relate(n, func(known func(uint64) bool) ([]nsfs.Relation, error) {
			return s.p.fs.NS.MountRelations(m, known)
		})
	}
	s.recall(found)
	s.addUnentered(found, known)
	s.addAncestors(found, known)
	if thorough = s.searched && !s.misses(found, known); !thorough && !s.p.now().Before(s.rest) && !s.p.savesSearches() {
		thorough = true
		began := s.p.now()
		if err := s.search(ctx, pids, found); err != nil {
			return fact.Survey{}, false, err
		}
		s.addAncestors(found, known)
		ended := s.p.now()
		s.searched, s.rest = true, ended.Add(searchRest*ended.Sub(began))
	}
	s.unfinished = false
	maps.DeleteFunc(s.relations, func(id uint64, _ relation) bool { return found[id] == nil })
	list.Namespaces = make([]fact.Namespace, 0, len(found))
	for _, id := range slices.Sorted(maps.Keys(found)) {
		list.Namespaces = append(list.Namespaces, *found[id])
	}
	return list, thorough, nil
}

// process returns what a process is in. It is read where it may be another than before: of a process that is new, that has
// changed it, that was in one of which it is known that it is gone, or that has ended, since a zombie has left its namespaces
// and runs no program; or of all.
func (s *surveyor) process(l procfs.Listed, known map[uint64]acquaintance, changed map[int32]bool) (*surveyedProcess, error) {
	program := s.p.fs.Proc.Program(l.PID)
	have := s.processes[l.PID]
	same := have != nil && l.IsSure() && have.inode == l.Inode && have.program == program
	if !same || changed == nil || changed[l.PID] || have.left(known) {
		ids, refused, err := s.p.fs.NS.Visible(l.PID)
		if err != nil {
			return nil, err
		}
		have = &surveyedProcess{inode: l.Inode, program: program, ids: ids, refused: refused}
		s.processes[l.PID] = have
	}
	have.turn = s.turn
	return have, nil
}

// left reports whether a process was in a namespace that is not among those known to exist, so that it must have left it. Events
// of that may be lost or late.
func (p *surveyedProcess) left(known map[uint64]acquaintance) bool {
	return slices.ContainsFunc(p.ids[:], func(id uint64) bool {
		_, ok := known[id]
		return id != 0 && !ok
	})
}

// relate fills in how a namespace is related, with what is remembered or else with what ask says.
func (s *surveyor) relate(n *fact.Namespace, ask func(known func(uint64) bool) ([]nsfs.Relation, error)) {
	r, ok := s.relations[n.ID]
	if !ok || r.Type != n.Type {
		asked := s.p.now()
		list, err := ask(func(id uint64) bool { _, ok := s.relations[id]; return ok })
		if err != nil || list[0].ID != n.ID {
			return // gone, or not for us to know
		}
		for _, r := range list {
			s.relations[r.ID] = relation{r, asked}
		}
		r = s.relations[n.ID]
	}
	n.Owner, n.Parent = r.Owner, r.Parent
}

// addAncestors adds the namespaces that live because others below them do, and says so where no
// process is in them.
func (s *surveyor) addAncestors(found sightings, known map[uint64]acquaintance) {
	climb := slices.Collect(maps.Values(found))
	for len(climb) > 0 {
		n := climb[len(climb)-1]
		climb = climb[:len(climb)-1]
		if r, ok := s.relations[n.ID]; ok && r.Type == n.Type {
			n.Owner, n.Parent = r.Owner, r.Parent
		} else if k := known[n.ID]; n.Owner == 0 && k.typ == n.Type {
			n.Owner, n.Parent = k.owner, k.parent // as an event told
		}
		above := func(t event.NamespaceType, id uint64, why string) {
			if id == 0 {
				return
			}
			up, first := found.see(t, id)
			if first {
				climb = append(climb, up)
			}
			if len(up.Processes) == 0 && !slices.Contains(up.PinnedBy, why) {
				up.PinnedBy = append(up.PinnedBy, why)
				slices.Sort(up.PinnedBy)
			}
		}
		above(n.Type, n.Parent, "a child namespace")
		if n.Type != event.User { // there it is the parent
			above(event.User, n.Owner, "a namespace that it owns")
		}
	}
}
