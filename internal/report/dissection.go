package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/story"
)

// Dissection is an anatomy in the words of `nsviz inspect`, for a view that arranges them on a page. It has what a snapshot does not
// have: a view draws namespaces, kills and history from that.
type Dissection struct {
	Sees, MayUse, MadeOf, MayDo []Line
	// Processes are its process tree: parents before their children. It is nil if they are unknown.
	Processes []TreeProcess
	// MoreProcesses is how many others there are.
	MoreProcesses int
	// Holes are the findings, the worst first; Sound names walls without a hole.
	Holes []Hole
	Sound []string
	// Unknown lists, in sentences, what could not be read.
	Unknown []string
	// Anatomy is what it words.
	Anatomy *anatomy.Anatomy
}

// TreeProcess is a process in a tree of them.
type TreeProcess struct {
	// Depth is how many of its ancestors are in the tree.
	Depth int
	PID   int32
	// Inside are its PIDs in the PID namespaces below the host's, its own last; empty means that it is in the host's, or unknown.
	Inside []int32
	UID    uint32
	Comm   string
}

// Hole is a finding about a container's isolation.
type Hole struct {
	Severity string
	// Serious is set from medium on.
	Serious bool
	Title   string
	// Details name the capabilities, paths, containers or processes in question.
	Details        []string
	Meaning, Close string
}

const (
	// maxTree limits the processes of a Dissection.
	maxTree = 200
	// maxPageMounts limits its mounts.
	maxPageMounts = 12
)

// Dissect returns an anatomy in words.
func Dissect(a *anatomy.Anatomy) *Dissection {
	d := &Dissection{Sees: seenLines(a), MadeOf: madeOfLines(a), Unknown: slices.Clone(a.Unknown), Anatomy: a}
	if a.Resources != nil {
		d.MayUse = pageResources(a.Resources)
	}
	if pss := a.PSSBytes; pss != nil {
		d.MayUse = append([]Line{{"memory", pssWords(*pss)}}, d.MayUse...)
	}
	if a.Privileges != nil {
		d.MayDo = privilegeLines(a.Privileges)
	}
	if a.Processes != nil {
		d.Processes, d.MoreProcesses = processTree(a.Processes)
	}
	for i := range a.Findings {
		f := &a.Findings[i]
		d.Holes = append(d.Holes, Hole{
			Severity: f.Severity.String(), Serious: f.Severity >= anatomy.Medium, Title: f.Title, Details: f.Details, Meaning: f.Meaning, Close: f.Close,
		})
	}
	d.Sound = soundWalls(a)
	return d
}

// pageResources describes what a container uses and may use, except what a snapshot has: how much memory and how many processes it has,
// and its kills.
func pageResources(r *resources.Resources) []Line {
	rest := *r
	if r.Memory != nil {
		memory := *r.Memory
		memory.CurrentBytes, memory.Events = nil, nil
		rest.Memory = &memory
	}
	if r.PIDs != nil {
		pids := *r.PIDs
		pids.Current, pids.Refused = nil, nil
		rest.PIDs = &pids
	}
	lines := resourceLines(rest)
	lines[0].Subject = "limits"
	// A line of which nothing is known has no place on a page.
	return slices.DeleteFunc(lines, func(l Line) bool { return l.Words == unknownWords })
}

// madeOfLines describes its file systems in short: the paths of its layers are the engine's affair.
func madeOfLines(a *anatomy.Anatomy) []Line {
	var lines []Line
	if r := a.Root; r != nil {
		root := r.Type + ", " + writability(r.ReadOnly)
		if n := len(r.Lower); n > 0 {
			root += ", over " + story.Count(uint64(n), "read-only layer", "read-only layers")
		}
		lines = append(lines, Line{"root", root})
		if w := r.Written; w != nil {
			lines = append(lines, Line{"written", writtenWords(w) + " since it was made"})
		}
		for i := range r.Layers {
			if by := r.Layers[i].CreatedBy; by != "" {
				lines = append(lines, Line{"top layer", "made by " + by})
				break
			}
		}
	}
	lines = append(lines, linesAbout("mounts", mountWords(a, maxPageMounts))...)
	if devices := deviceWords(a); len(devices) > maxPageMounts {
		lines = append(lines, Line{"devices", story.Count(uint64(len(devices)), "device node", "device nodes")})
	} else if len(devices) > 0 {
		lines = append(lines, Line{"devices", strings.Join(devices, ", ")})
	}
	return lines
}

// soundWalls names walls that stand: those that people ask for, and that no finding is about.
func soundWalls(a *anatomy.Anatomy) []string {
	found := func(id string) bool {
		return slices.ContainsFunc(a.Findings, func(f anatomy.Finding) bool { return f.ID == id })
	}
	var sound []string
	if p := a.Privileges; p != nil {
		if p.Seccomp != "" && !found("no_seccomp") {
			sound = append(sound, "seccomp filters its system calls")
		}
		if p.Capabilities.Bounding != nil && !found("added_capabilities") && !found("privileged") {
			sound = append(sound, "no more capabilities than usual")
		}
		if p.NoNewPrivs != nil && *p.NoNewPrivs {
			sound = append(sound, "setuid programs give it nothing")
		}
		if p.LSM != nil && *p.LSM != "" && !found("lsm_unconfined") {
			sound = append(sound, "confined by "+*p.LSM)
		}
	}
	if n := a.Namespaces[event.User]; n != nil && n.SharedWithHost != nil && !*n.SharedWithHost && !found("host_root") {
		sound = append(sound, "root inside is not root outside")
	}
	if r := a.Resources; r != nil {
		if !found("no_memory_limit") && r.Memory != nil && r.Memory.EffectiveMaxBytes != nil && r.Memory.EffectiveMaxBytes.Value != nil {
			sound = append(sound, "memory is limited")
		}
		if !found("no_pids_limit") && r.PIDs != nil && r.PIDs.EffectiveMax != nil && r.PIDs.EffectiveMax.Value != nil {
			sound = append(sound, "processes are limited")
		}
	}
	return sound
}

// processTree orders processes as a tree, of at most maxTree processes, and returns how many it leaves out. One whose parent is not among
// them is a root.
func processTree(all []anatomy.Process) (tree []TreeProcess, more int) {
	byPID := make(map[int32]*anatomy.Process, len(all))
	for i := range all {
		byPID[all[i].PID] = &all[i]
	}
	children := make(map[int32][]*anatomy.Process, len(all))
	var roots []*anatomy.Process
	for i := range all {
		p := &all[i]
		if byPID[p.Parent] == nil || p.Parent == p.PID {
			roots = append(roots, p)
		} else {
			children[p.Parent] = append(children[p.Parent], p)
		}
	}
	tree = make([]TreeProcess, 0, len(all))
	seen := make(map[int32]bool, len(all))
	var visit func(p *anatomy.Process, depth int)
	visit = func(p *anatomy.Process, depth int) {
		if seen[p.PID] {
			return
		}
		seen[p.PID] = true
		t := TreeProcess{Depth: depth, PID: p.PID, UID: p.UID, Comm: p.Comm}
		if len(p.PIDs) > 1 {
			t.Inside = p.PIDs[1:]
		}
		tree = append(tree, t)
		for _, child := range children[p.PID] {
			visit(child, depth+1)
		}
	}
	for _, p := range roots {
		visit(p, 0)
	}
	// A PID that changed hands while they were read can make a circle of parents.
	for i := range all {
		visit(&all[i], 0)
	}
	if len(tree) > maxTree {
		more = len(tree) - maxTree
		tree = tree[:maxTree]
	}
	return tree, more
}

// InsideWords describes the PIDs of a process inside: 7, or 42/7 where namespaces are nested.
func (p *TreeProcess) InsideWords() string {
	words := make([]string, len(p.Inside))
	for i, pid := range p.Inside {
		words[i] = fmt.Sprint(pid)
	}
	return strings.Join(words, "/")
}
