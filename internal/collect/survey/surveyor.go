package survey

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/vmm"
)

// surveyor makes surveys. What every process is in is quickly read, and only of those that may have changed it. The open files
// and the threads of all processes are not: it searches them in the first survey, and later only for what should be there
// and was not found. It remembers what processes are in, and where it found what no process is in, as hints that each survey checks.
// What is known of namespaces each survey is given.
type surveyor struct {
	Config

	// pins are where namespaces were found that are found nowhere else. A survey checks them and drops what is not there.
	pins     map[uint64]nsfs.Pin
	parser   *container.Parser
	boot     time.Time // zero until it is needed
	searched bool      // ever
	// searchAfter is when the next search may begin.
	searchAfter time.Time
	processes   map[int32]*surveyedProcess
	// firsts are the first processes in namespaces, by the numbers of these.
	firsts  map[uint64]*firstSeen
	turn    int
	readAll time.Time // when a survey read of all processes what they are in
	// unfinished is whether the latest survey failed.
	unfinished bool
}

// surveyedProcess is what a survey has found of a process.
type surveyedProcess struct {
	inode   uint64 // of its directory, which distinguishes processes with the same PID
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

// searchBackoff bounds what searches take: after one that took time t, none begins for searchBackoff × t, so that they take
// at most a twentieth of one CPU, however many files the host has open.
const searchBackoff = 19

func newSurveyor(c Config) *surveyor {
	return &surveyor{
		Config: c, parser: container.NewParser(), pins: map[uint64]nsfs.Pin{}, processes: map[int32]*surveyedProcess{},
	}
}

// survey is a survey under way.
type survey struct {
	*surveyor
	Begun

	found map[uint64]*fact.Namespace
	vms   []fact.VM
	// asked is what the kernel has answered in this survey.
	asked map[uint64]answer
}

// answer is what the kernel answered to the question to whom a namespace belongs.
type answer struct {
	nsfs.Relation

	at time.Time // before it was asked
}

// namespace returns a namespace of what is found, and whether it is new there.
func (s *survey) namespace(t event.NamespaceType, id uint64) (n *fact.Namespace, first bool) {
	if n = s.found[id]; n != nil {
		return n, false
	}
	n = &fact.Namespace{Type: t, ID: id}
	s.found[id] = n
	return n, true
}

// lacks reports whether a namespace is not found so far.
func (s *survey) lacks(_ event.NamespaceType, id uint64) bool { return s.found[id] == nil }

// run makes a survey.
func (r *surveyor) run(ctx context.Context, begun Begun) (Result, error) {
	s := &survey{surveyor: r, Begun: begun, found: map[uint64]*fact.Namespace{}, asked: map[uint64]answer{}}
	listed, err := s.Proc.List()
	if err != nil {
		return Result{}, err
	}
	now := s.Now()
	s.turn++
	// What had changed in a survey that failed is not known any more.
	if s.turn%readAllEvery == 0 || s.unfinished || now.Sub(s.readAll) >= readAllAfter {
		s.Changed = nil
	}
	if s.Changed == nil {
		s.readAll = now
	}
	s.unfinished = true
	unseen := fact.Unseen{Untraced: !s.Sight.MayTrace, Hidden: s.Sight.Hidden}
	pids := make([]int32, 0, len(listed))
	for _, l := range listed {
		pid := l.PID
		pids = append(pids, pid)
		process, err := s.process(l)
		if err != nil {
			continue // gone meanwhile
		}
		if process.refused {
			unseen.Processes++
		}
		if vmm.IsProgram(process.program) {
			s.lookForVM(pid)
		}
		for _, t := range event.NamespaceTypes() {
			if process.ids[t] == 0 {
				continue
			}
			n, _ := s.namespace(t, process.ids[t])
			n.Processes = append(n.Processes, pid)
			s.setRelations(n, func(known func(uint64) bool) ([]nsfs.Relation, error) {
				return s.NS.Relations(pid, t, known)
			})
		}
	}
	maps.DeleteFunc(s.processes, func(_ int32, p *surveyedProcess) bool { return p.turn != s.turn })
	mounts, err := s.NS.Mounts()
	if err != nil {
		return Result{}, err
	}
	for _, m := range mounts {
		n, _ := s.namespace(m.Type, m.ID)
		n.PinnedBy = append(n.PinnedBy, m.Point)
		s.setRelations(n, func(known func(uint64) bool) ([]nsfs.Relation, error) {
			return s.NS.MountRelations(m, known)
		})
	}
	s.checkPins()
	s.addUnentered()
	s.addAncestors()
	thorough := s.searched && !s.misses()
	if !thorough && !s.Now().Before(s.searchAfter) && !s.SavesSearches() {
		thorough = true
		began := s.Now()
		if err := s.search(ctx, pids); err != nil {
			return Result{}, err
		}
		s.addAncestors()
		ended := s.Now()
		s.searched, s.searchAfter = true, ended.Add(searchBackoff*ended.Sub(began))
	}
	s.unfinished = false
	result := Result{
		Survey:   fact.Survey{Namespaces: make([]fact.Namespace, 0, len(s.found)), VMs: s.vms, Unseen: &unseen},
		Isolated: s.isolated(), Thorough: thorough, Asked: make(map[uint64]time.Time, len(s.asked)),
	}
	for _, id := range slices.Sorted(maps.Keys(s.found)) {
		result.Namespaces = append(result.Namespaces, *s.found[id])
	}
	for id, a := range s.asked {
		result.Asked[id] = a.at
	}
	return result, nil
}

// process returns what a process is in. It is read where it may be another than before: of a process that is new, that has
// changed it, that was in one of which it is known that it is gone, or that has ended, since a zombie has left its namespaces
// and runs no program; or of all.
func (s *survey) process(l procfs.Listed) (*surveyedProcess, error) {
	program := s.Proc.Program(l.PID)
	have := s.processes[l.PID]
	same := have != nil && l.IsSure() && have.inode == l.Inode && have.program == program
	if !same || s.Changed == nil || s.Changed[l.PID] || have.left(s.Known) {
		ids, refused, err := s.NS.Visible(l.PID)
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
func (p *surveyedProcess) left(known map[uint64]Known) bool {
	return slices.ContainsFunc(p.ids[:], func(id uint64) bool {
		_, ok := known[id]
		return id != 0 && !ok
	})
}

// setRelations sets the owner and parent of a namespace: as the kernel has reported before, or else as ask returns them.
func (s *survey) setRelations(n *fact.Namespace, ask func(known func(uint64) bool) ([]nsfs.Relation, error)) {
	k := s.Known[n.ID]
	if k.Type != n.Type {
		k = Known{}
	}
	if k.Asked {
		n.Owner, n.Parent = k.Owner, k.Parent
		return
	}
	a, ok := s.asked[n.ID]
	if !ok || a.Type != n.Type {
		at := s.Now()
		list, err := ask(s.isAsked)
		if err != nil || list[0].ID != n.ID {
			return // gone, or not for us to know
		}
		for _, r := range list {
			s.asked[r.ID] = answer{r, at}
		}
		a = s.asked[n.ID]
	}
	n.Owner, n.Parent = cmp.Or(a.Owner, k.Owner), cmp.Or(a.Parent, k.Parent) // the kernel may not say what an event did
}

// isAsked reports whether the kernel need not be asked for a namespace's relations any more.
func (s *survey) isAsked(id uint64) bool {
	_, ok := s.asked[id]
	return ok || s.Known[id].Asked
}

// addAncestors adds the namespaces that live because others below them do, and says so where no
// process is in them.
func (s *survey) addAncestors() {
	climb := slices.Collect(maps.Values(s.found))
	for len(climb) > 0 {
		n := climb[len(climb)-1]
		climb = climb[:len(climb)-1]
		k := s.Known[n.ID]
		if a, ok := s.asked[n.ID]; ok && a.Type == n.Type {
			n.Owner, n.Parent = cmp.Or(a.Owner, n.Owner), cmp.Or(a.Parent, n.Parent)
		} else if k.Type == n.Type && (k.Asked || n.Owner == 0) { // as the kernel has reported before, or else an event
			n.Owner, n.Parent = k.Owner, k.Parent
		}
		above := func(t event.NamespaceType, id uint64, why string) {
			if id == 0 {
				return
			}
			up, first := s.namespace(t, id)
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
