package report

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// FindAll does as Find does, and finds all members of a pod or project, in the order in which they started.
func FindAll(s *model.Snapshot, name string) ([]*model.Container, error) {
	name = strings.TrimPrefix(name, "/")
	c, err := Find(s, name)
	var ambiguous *AmbiguousError
	switch {
	case err == nil && !stands(name, c.Group):
		return []*model.Container{c}, nil
	case err == nil || errors.As(err, &ambiguous) && ambiguous.Group:
		return placed(s, name), nil
	}
	return nil, clean(err)
}

// findMember finds the one container that is placed at a name; nil is none. It fails with AmbiguousError if there are several. The
// sandbox of a pod counts only if there is nothing else, since it is only what the others share.
func findMember(s *model.Snapshot, name string) (*model.Container, error) {
	found := placed(s, name)
	if others := slices.DeleteFunc(slices.Clone(found), (*model.Container).IsSandbox); len(others) > 0 {
		found = others
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	ambiguous := &AmbiguousError{Name: name, Group: true}
	for _, c := range found {
		path := cmp.Or(c.Group.MemberPath(), c.Group.Path())
		ambiguous.Candidates = append(ambiguous.Candidates, path+" ("+c.Label+")")
	}
	return nil, ambiguous
}

// placed returns the containers for which a name stands. Of several that had a place one after the other it is the live one, or the
// latest one.
func placed(s *model.Snapshot, name string) []*model.Container {
	var found []*model.Container
	for i := range s.Containers {
		c := &s.Containers[i]
		if !stands(name, c.Group) {
			continue
		}
		at := slices.IndexFunc(found, func(other *model.Container) bool { return samePlace(c, other) })
		switch {
		case at < 0 || c.Live() && found[at].Live():
			found = append(found, c)
		case c.Live() || !found[at].Live() && latestOf(c).After(latestOf(found[at])):
			found[at] = c
		}
	}
	return found
}

// stands reports whether a name stands for a group or for one of its members: NAMESPACE/POD, PROJECT, and with "/" and the member. The
// namespace may be left out.
func stands(name string, g *event.Group) bool {
	switch {
	case g == nil || name == "":
		return false
	case name == g.Name || name == g.Path() || name == g.MemberPath():
		return true
	}
	return g.Member != "" && name == g.Name+"/"+g.Member
}

// samePlace reports whether two containers have the same place in their group.
func samePlace(a, b *model.Container) bool {
	return a.Group.Equal(b.Group) && a.Kind == b.Kind && (a.Group.Member != "" || a.Label == b.Label)
}
