package survey

import (
	"cmp"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/procfs"
)

// A namespace that is not the host's and has processes may be that of something that the kernel isolates. A survey reads the first one
// of these processes; whether it is in a container, and what it is in otherwise, the loop knows.

// maxAncestors is how far up the parents of a process are looked at.
const maxAncestors = 64

// firstSeen is a first process that an earlier survey has read.
type firstSeen struct {
	container.FirstProcess

	depth   int    // of its PID namespace; the host's has 0
	inode   uint64 // of its directory
	program string
	// provisional is set if it may have been read before another program began.
	provisional bool
}

// isolated returns the first processes in namespaces other than the host's that are new or have changed, those in outer PID namespaces
// first. Now and then it returns all.
func (s *survey) isolated() []container.FirstProcess {
	if s.Host.IsZero() {
		return nil
	}
	var found []*firstSeen
	seen := make(map[uint64]*firstSeen, len(s.firsts))
	supervisors := map[int32]bool{}
	for _, ofPID := range []bool{true, false} {
		for id, n := range s.found {
			if (n.Type == event.PID) != ofPID {
				continue
			}
			members := s.isolates(n, supervisors)
			if len(members) == 0 {
				continue
			}
			before := s.firsts[id]
			first := before
			if before == nil || before.provisional || !s.isSame(before) || !slices.Contains(members, before.PID) {
				if first = s.readFirst(n, members); first == nil {
					continue // gone meanwhile
				}
			}
			seen[id] = first
			if ofPID {
				supervisors[first.Parent.PID] = true
			}
			if before == nil || s.Changed == nil || first.PID != before.PID || first.inode != before.inode || first.program != before.program {
				found = append(found, first)
			}
		}
	}
	s.firsts = seen
	slices.SortFunc(found, func(a, b *firstSeen) int { return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(a.PID, b.PID)) })
	list := make([]container.FirstProcess, len(found))
	for i, f := range found {
		list[i] = f.FirstProcess
	}
	return list
}

// isolates returns the processes in a namespace by which something may be recognised. It is the PID namespace, if that is not the host's, or
// else the user namespace, or else another one. A process that waits outside of the PID namespace that it has made is left out.
func (s *survey) isolates(n *fact.Namespace, supervisors map[int32]bool) []int32 {
	if len(n.Processes) == 0 || n.ID == s.Host[n.Type] {
		return nil
	}
	rank := slices.Index(recognising, n.Type)
	switch {
	case rank < 0:
		return nil
	case rank == 0:
		return n.Processes
	}
	var list []int32
	for _, pid := range n.Processes {
		ids := &s.processes[pid].ids
		if !supervisors[pid] && !slices.ContainsFunc(recognising[:rank], func(t event.NamespaceType) bool { return ids[t] != s.Host[t] }) {
			list = append(list, pid)
		}
	}
	return list
}

// recognising are the types of namespaces by which something may be recognised, the most telling one first.
var recognising = []event.NamespaceType{event.PID, event.User, event.Mnt, event.Net, event.IPC, event.UTS}

// isSame reports whether a first process is what it was.
func (s *survey) isSame(f *firstSeen) bool {
	p := s.processes[f.PID]
	return p != nil && p.inode == f.inode && p.program == f.program && p.ids == f.Namespaces
}

// readFirst reads the first process in a namespace. Of a program that has started itself again in there and stays with its children, as
// bubblewrap does, it is the first child that runs another one.
func (s *survey) readFirst(n *fact.Namespace, members []int32) *firstSeen {
	var process procfs.Process
	ok := false
	for _, pid := range members {
		p, err := s.Proc.Process(pid, s.Layout)
		if err != nil {
			continue
		}
		if !ok {
			process, ok = p, true
		}
		if n.Type != event.PID || p.NSPID[len(p.NSPID)-1] == 1 {
			process = p
			break
		}
	}
	if !ok || s.processes[process.PID] == nil {
		return nil
	}
	parent, root := s.ancestors(n.Type, &process)
	provisional := root.PID != 0
	if provisional {
		program := s.processes[process.PID].program
		for _, pid := range members {
			if other := s.processes[pid].program; other == "" || other == program {
				continue
			}
			if p, err := s.Proc.Process(pid, s.Layout); err == nil {
				process, root = p, container.ProcessName{}
			}
			break
		}
	}
	read := s.processes[process.PID]
	if read == nil {
		return nil
	}
	f := &firstSeen{
		FirstProcess: container.FirstProcess{
			PID: process.PID, Comm: process.Comm, Namespaces: process.Namespaces, Cgroup: process.Cgroup, Owner: s.owner(&process), Parent: parent, Program: root,
		},
		depth: len(process.NSPID), inode: read.inode, program: read.program, provisional: provisional,
	}
	if n.Type == event.PID || n.Type == event.User {
		f.Above = n.Parent
	}
	if status, err := s.Proc.Status(parent.PID); parent.PID != 0 && err == nil && status.Comm == parent.Comm {
		f.ParentUID = &status.UID
	}
	if boot := s.bootTime(); !boot.IsZero() {
		f.Started = fact.Plain(boot.Add(time.Duration(process.StartTime) * procfs.ClockTick))
	}
	return f
}

// owner returns who made what a process is in, as container.FirstProcess has it.
func (s *survey) owner(process *procfs.Process) *uint32 {
	if process.Namespaces[event.User] == s.Host[event.User] {
		return &process.UID
	}
	uid, err := s.NS.OutermostOwnerUID(process.PID, s.Host[event.User])
	if err != nil {
		return nil // gone meanwhile, or not for us to know
	}
	return &uid
}

// ancestors returns the parent of a process, if it is not in the same namespace of a type, else that parent's and so on; and the topmost
// one that still runs the same program as the process, if that one does.
func (s *survey) ancestors(t event.NamespaceType, process *procfs.Process) (parent, root container.ProcessName) {
	in, program := process.Namespaces[t], s.processes[process.PID].program
	pid := process.PPID
	for range maxAncestors {
		above := s.processes[pid]
		if above == nil {
			return parent, root
		}
		stat, err := s.Proc.Stat(pid)
		if err != nil {
			return parent, root
		}
		if above.ids[t] != in {
			name := container.ProcessName{PID: pid, Comm: stat.Comm}
			if parent.PID == 0 {
				parent = name
			}
			if program == "" || above.program != program || shells[program] {
				return parent, root
			}
			root = name
		}
		pid = stat.PPID
	}
	return parent, root
}

// shells run in namespaces of which they know nothing.
var shells = map[string]bool{"sh": true, "bash": true, "dash": true, "zsh": true, "fish": true, "ksh": true, "busybox": true}
