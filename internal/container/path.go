package container

import (
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
)

// Ref names a container by the path of its cgroup.
type Ref struct {
	// Runtime is the name of the runtime; runtime.Unknown if the path shows only that a container engine made it.
	Runtime string
	ID      string
	// Name is the id as its runtime has it if that is a name of the user's choice; else "".
	Name string
	// Root is the path of the cgroup that the container's processes were put into; "" if it has no cgroup of its own.
	Root string
	// User is the uid of the user to whom the container's user namespace belongs, if it has no cgroup of its own and only the user's engine
	// or files show it; else 0.
	User uint32
	// Pod is the id of the pod that it is a member of; "" is none, or unknown.
	Pod string
	// Unsure is set if other things than containers have such paths, too.
	Unsure bool
	// Parent is the container that it runs in; nil is none.
	Parent *Ref
}

// Parser recognises containers in cgroup paths.
type Parser struct{ runtimes []runtime.Runtime }

// NewParser makes a parser that knows the cgroups of all runtimes in the table.
func NewParser() *Parser { return &Parser{runtimes: runtime.All()} }

// Parse finds the container that a cgroup belongs to: the innermost one in its path. It reports false if there is none. A Ref that is
// Unsure is a container's only if something other than the path shows it.
func (p *Parser) Parse(path string) (Ref, bool) {
	list := p.matches(path)
	// What has containers below it, and may be none, is a folder of theirs.
	list = slices.DeleteFunc(list, func(r Ref) bool { return r.Unsure && r.Root != list[len(list)-1].Root })
	if len(list) == 0 {
		return Ref{}, false
	}
	return *chain(list), true
}

// chain makes the first of some containers, outermost first, the parent of the second one, and so on, and returns the last one.
func chain(list []Ref) *Ref {
	var last *Ref
	for _, r := range list {
		r.Parent = last
		last = &r
	}
	return last
}

// matches lists all containers in a path that there may be, outermost first, without their parents.
func (p *Parser) matches(path string) []Ref {
	var list []Ref
	var starts []int // of the components
	pod := ""
	top := 0 // the number of the first component that is no ".."
	for begin := 0; begin < len(path); {
		if path[begin] == '/' {
			begin++
			continue
		}
		end := begin + 1
		for end < len(path) && path[end] != '/' {
			end++
		}
		if path[begin:end] == ".." && top == len(starts) {
			top++
		}
		starts = append(starts, begin)
		id, isPod := p.pod(path[:end], starts, top)
		if isPod {
			pod = id
		}
		if ref, ok := p.container(path[:end], starts, top); ok && (!isPod || !ref.Unsure) {
			// An id of 64 digits with podman's containers right below it is a pod's.
			if n := len(list); n > 0 && ref.Runtime == runtime.Podman && list[n-1].Unsure && list[n-1].Runtime == runtime.Unknown &&
				list[n-1].Root == path[:begin-1] {
				pod = list[n-1].ID
				list = list[:n-1]
			}
			ref.Pod = pod
			pod = ""
			list = append(list, ref)
		}
		begin = end
	}
	return list
}

// tail returns the last components of a path as one string; false if there are fewer.
func tail(path string, starts []int, depth int) (string, bool) {
	if depth > len(starts) {
		return "", false
	}
	return path[starts[len(starts)-depth]:], true
}

func match(c *runtime.Cgroup, path string, starts []int, top int) (string, bool) {
	if c.Top && len(starts)-top != c.Depth {
		return "", false
	}
	end, ok := tail(path, starts, c.Depth)
	if !ok {
		return "", false
	}
	return c.ID(end)
}

// container recognises a container's own cgroup. What others have, too, it is only if it is nothing else.
func (p *Parser) container(path string, starts []int, top int) (found Ref, ok bool) {
	for i := range p.runtimes {
		for j := range p.runtimes[i].Cgroups {
			c := &p.runtimes[i].Cgroups[j]
			if ok && c.Unsure {
				continue
			}
			if id, matches := match(c, path, starts, top); matches {
				found, ok = Ref{Runtime: p.runtimes[i].Name, ID: id, Root: rooted(path), Unsure: c.Unsure}, true
				if !p.runtimes[i].GlobalIDs && !isHex64(id) {
					found.Name = id
				}
				if !c.Unsure {
					return found, true
				}
			}
		}
	}
	return found, ok
}

func (p *Parser) pod(path string, starts []int, top int) (string, bool) {
	for i := range p.runtimes {
		for j := range p.runtimes[i].Pods {
			if id, ok := match(&p.runtimes[i].Pods[j], path, starts, top); ok {
				return id, true
			}
		}
	}
	return "", false
}

func isHex64(id string) bool { return len(id) == 64 && strings.Trim(id, "0123456789abcdef") == "" }

// rooted returns a path that begins with a slash.
func rooted(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return "/" + path
}
