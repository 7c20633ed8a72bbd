package container

import (
	"regexp"
	"strings"
)

// Ref names a container as its cgroup's path tells it.
type Ref struct {
	// Runtime is "docker", "podman", "containerd", "cri-o" or "nsviz-demo"; "" where the path tells
	// only that a container engine made it.
	Runtime string
	ID      string
	// Root is the path of the cgroup that the container's processes were put into.
	Root string
	// Inner is the container further down the path: one that runs inside this one.
	Inner *Ref
}

func (r *Ref) innermost() *Ref {
	for r.Inner != nil {
		r = r.Inner
	}
	return r
}

// DemoPrefix begins the name of everything that nsviz's own demos make.
const DemoPrefix = "nsviz-demo-"

// DemoRuntime is the runtime of the demos that run without an engine.
const DemoRuntime = "nsviz-demo"

// rule recognises one component of a cgroup's path.
type rule struct {
	runtime string
	pattern *regexp.Regexp
	parent  string // of the component before it; "" is any
}

// Parser recognises containers in cgroup paths.
type Parser struct{ rules []rule }

// NewParser knows the paths that the common engines make, with cgroupfs and with systemd as the
// cgroup driver. A bare id of 64 digits below a parent of the user's choice
// (docker run --cgroup-parent) is a container of an engine that the path does not tell.
func NewParser() *Parser {
	const id = `([0-9a-f]{64})`
	r := func(runtime, parent, pattern string) rule {
		return rule{runtime: runtime, parent: parent, pattern: regexp.MustCompile(`^(?:` + pattern + `)$`)}
	}
	return &Parser{rules: []rule{
		r("docker", "docker", id),
		r("docker", "", `docker-`+id+`\.scope`),
		r("podman", "", `libpod-`+id+`(?:\.scope)?`),
		r("containerd", "", `(?:cri-containerd|nerdctl)-`+id+`\.scope`),
		r("cri-o", "", `crio-`+id+`(?:\.scope)?`),
		// The slice:prefix:name that systemd is to be asked with, taken for a path: an engine set to
		// systemd above a runtime set to cgroupfs.
		r("docker", "", `.*:docker:`+id),
		r("podman", "", `.*:libpod:`+id),
		r("containerd", "", `.*:(?:cri-containerd|nerdctl):`+id),
		r("cri-o", "", `.*:crio:`+id),
		r(DemoRuntime, "", `(`+DemoPrefix+`[0-9a-z-]+)`),
		r("", "", id),
	}}
}

// Parse finds the container that a cgroup belongs to: the outermost one in its path. Reports false
// where there is none.
func (p *Parser) Parse(path string) (Ref, bool) {
	components := strings.Split(strings.Trim(path, "/"), "/")
	var found *Ref
	last := &found
	for i, c := range components {
		parent := ""
		if i > 0 {
			parent = components[i-1]
		}
		if ref, ok := p.component(parent, c); ok {
			ref.Root = "/" + strings.Join(components[:i+1], "/")
			*last = &ref
			last = &ref.Inner
		}
	}
	if found == nil {
		return Ref{}, false
	}
	return *found, true
}

func (p *Parser) component(parent, name string) (Ref, bool) {
	for _, r := range p.rules {
		if r.parent != "" && r.parent != parent {
			continue
		}
		if m := r.pattern.FindStringSubmatch(name); m != nil {
			return Ref{Runtime: r.runtime, ID: m[1]}, true
		}
	}
	return Ref{}, false
}
