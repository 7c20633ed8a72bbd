package report

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/spelling"
	"github.com/nsviz/nsviz/internal/story"
)

const cgroupPrefix = "cgroup:"

// CgroupName returns the name of the cgroup at a path.
func CgroupName(path string) string { return cgroupPrefix + path }

// IsName reports whether a name has the form of a cgroup's, a namespace's or an OOM kill's, even if it is malformed. No container can have
// such a name.
func IsName(name string) bool {
	kind, _, found := strings.Cut(name, ":")
	_, err := event.ParseNamespaceType(kind)
	return found && (err == nil || strings.EqualFold(kind+":", event.KillPrefix)) // cgroup is a type of namespace, too
}

// ParseCgroupName reads cgroup:/path; the path is the cgroup's in the hierarchy with the memory controller. It returns false
// for anything else. No container and no namespace can have such a name.
func ParseCgroupName(name string) (cgroup string, ok bool) {
	cgroup, ok = strings.CutPrefix(name, cgroupPrefix)
	if !ok || !strings.HasPrefix(cgroup, "/") {
		return "", false
	}
	return path.Clean(cgroup), true
}

// ParseNamespaceName reads net:[4026532184], as the links in /proc/PID/ns have it, or net:4026532184, for shells that interpret
// brackets. It returns false for anything else. No container can have such a name.
func ParseNamespaceName(name string) (story.NamespaceName, bool) {
	kind, number, found := strings.Cut(name, ":")
	if !found {
		return story.NamespaceName{}, false
	}
	if inside, ok := strings.CutPrefix(number, "["); ok {
		if number, found = strings.CutSuffix(inside, "]"); !found {
			return story.NamespaceName{}, false
		}
	}
	t, err := event.ParseNamespaceType(kind)
	id, notNumber := strconv.ParseUint(number, 10, 64)
	if err != nil || notNumber != nil || id == 0 {
		return story.NamespaceName{}, false
	}
	return story.NamespaceName{Type: t, ID: id}, true
}

// NotFoundError reports that no container has that name or id. Near is the name that was most likely meant; "" is unknown.
type NotFoundError struct{ Name, Near string }

func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("nothing is known of a container %q", e.Name)
	if e.Near != "" {
		text += fmt.Sprintf(" (did you mean %q?)", e.Near)
	}
	return text
}

// AmbiguousError reports that several containers' ids begin so or, if Group is set, that several are in a group of that name.
type AmbiguousError struct {
	Name       string
	Candidates []string
	Group      bool
}

// maxCandidates limits the candidates that a sentence names.
const maxCandidates = 8

func (e *AmbiguousError) Error() string {
	named := e.Candidates
	more := ""
	if n := len(named) - maxCandidates; n > 0 {
		named, more = named[:maxCandidates], fmt.Sprintf(" and %d more", n)
	}
	if e.Group {
		return fmt.Sprintf("%q stands for several containers: %s%s; name one of them", e.Name, strings.Join(named, ", "), more)
	}
	return fmt.Sprintf("%q is the beginning of several ids: %s%s; give more of it, or a name", e.Name, strings.Join(named, ", "), more)
}

// nearestLabel returns the name of a container that was most likely meant, "" if none is near. Of two that are as near it is that of one that lives.
func nearestLabel(s *model.Snapshot, name string) string {
	var live, ended []string
	for c := range s.All() {
		if c.Live() {
			live = append(live, c.Label)
		} else {
			ended = append(ended, c.Label)
		}
	}
	return spelling.Nearest(name, append(live, ended...))
}

// Find finds a container by its name, its id, a name that it had before it was renamed, a sandbox by the process that made it, its place in a pod or project, or the beginning of
// its id: of several that had a name one after the other the live one, or the latest one. It fails with NotFoundError or AmbiguousError.
func Find(s *model.Snapshot, name string) (*model.Container, error) {
	name = strings.TrimPrefix(name, "/") // Docker writes names with it
	if name == "" {
		return nil, &NotFoundError{}
	}
	var found, latest, former *model.Container
	var candidates []string
	for c := range s.All() {
		if c.ID == name || c.Label == name && c.Live() {
			return c, nil
		}
		if c.Label == name && (latest == nil || latestOf(c).After(latestOf(latest))) {
			latest = c
		}
		if (wasCalled(c, name) || isolatedBy(c, name)) && (former == nil || !former.Live() && (c.Live() || latestOf(c).After(latestOf(former)))) {
			former = c
		}
		if strings.HasPrefix(c.ID, name) {
			found = c
			candidates = append(candidates, fmt.Sprintf("%s (%s)", event.ShortID(c.ID), c.Label))
		}
	}
	if latest == nil {
		latest = former
	}
	if latest != nil {
		return latest, nil
	}
	if member, err := findMember(s, name); member != nil || err != nil {
		return member, err
	}
	switch len(candidates) {
	case 0:
		return nil, &NotFoundError{Name: name, Near: nearestLabel(s, name)}
	case 1:
		return found, nil
	}
	return nil, &AmbiguousError{Name: name, Candidates: candidates}
}

// wasCalled reports whether a container had a name before it was renamed.
func wasCalled(c *model.Container, name string) bool {
	return slices.ContainsFunc(c.FormerNames, func(f fact.FormerName) bool { return f.Name == name })
}

// isolatedBy reports whether a sandbox was made by the process that name says, as bwrap-4242 does. Behind that its name may have
// what runs in it: "bwrap-4242 (sleep)".
func isolatedBy(c *model.Container, name string) bool {
	return c.Kind == event.KindSandbox && strings.HasPrefix(c.Label, name+" (")
}

// latestOf returns the time of the latest known event of a container that is not live.
func latestOf(c *model.Container) time.Time {
	latest := c.Exited
	if n := c.NeverStarted; n != nil {
		for _, at := range []time.Time{n.Made, n.Tried, n.Failed} {
			if at.After(latest) {
				latest = at
			}
		}
	}
	return latest
}

// FindByPID extends Find: it also finds a live container by the host's PID of one of its processes. cgroupOf and namespacesOf return the
// cgroup and the namespaces of a process. It fails if a number is a PID of one container and the beginning of the id of another.
func FindByPID(
	s *model.Snapshot, name string, cgroupOf func(pid int32) (string, error), namespacesOf func(pid int32) (event.NamespaceIDs, error),
) (*model.Container, error) {
	named, err := Find(s, name)
	if err == nil && (named.Label == strings.TrimPrefix(name, "/") || named.ID == name || stands(name, named.Group)) {
		return named, nil
	}
	var ambiguous *AmbiguousError
	number, notPID := strconv.ParseInt(name, 10, 32)
	if notPID != nil || number <= 0 || errors.As(err, &ambiguous) && ambiguous.Group {
		return named, clean(err)
	}
	var holder *model.Container
	cgroup, failed := cgroupOf(int32(number))
	ids, unread := namespacesOf(int32(number))
	for c := range s.All() {
		inside := failed == nil && c.CgroupPath != "" && (cgroup == c.CgroupPath || strings.HasPrefix(cgroup, c.CgroupPath+"/"))
		if c.CgroupPath == "" && unread == nil {
			inside = isolates(c, &ids)
		}
		if c.Live() && (c.InitPID == int32(number) || inside) {
			holder = c
		}
	}
	switch {
	case holder == nil && failed == nil && named == nil && !errors.As(err, &ambiguous):
		return nil, fmt.Errorf("process %d is in no container, sandbox or isolated service that is known", number)
	case holder == nil:
		return named, clean(err)
	case errors.As(err, &ambiguous) || named != nil && named != holder:
		return nil, fmt.Errorf("%s is a process of %s (%s), and ids of other containers begin so; give a name or more of the id",
			name, event.ShortID(holder.ID), foreign.Prose(holder.Label))
	}
	return holder, nil
}

// isolates reports whether a process with these namespaces is in something without a cgroup of its own: by the PID namespace, or by the
// user namespace if it uses the host's PID namespace.
func isolates(c *model.Container, ids *event.NamespaceIDs) bool {
	for _, t := range []event.NamespaceType{event.PID, event.User} {
		m := &c.Namespaces[t]
		if m.ID != ids[t] {
			return false
		}
		if m.ID != 0 && m.Relation != model.RelationHost {
			return true
		}
	}
	return false
}

// clean makes an error that contains names safe to print.
func clean(err error) error {
	if err == nil {
		return nil
	}
	return cleanError{err}
}

type cleanError struct{ error }

func (e cleanError) Error() string { return foreign.Prose(e.error.Error()) }
func (e cleanError) Unwrap() error { return e.error }
