package find

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// Cgroup is a cgroup of the tracked hierarchy.
type Cgroup struct {
	container.Cgroup

	Ref *container.Ref // the container that it belongs to, or may belong to; nil is none
}

// isRoot reports whether a cgroup is a container's own, as far as its path shows.
func (c Cgroup) isRoot() bool { return c.Ref != nil && c.Ref.Root == c.Path }

// walk reads which cgroups there are, parents before children. Where some could not be read it returns the others beside the error.
func (f *Finder) walk(ctx context.Context) ([]Cgroup, error) {
	var cgroups []Cgroup
	err := f.cfg.Layout.Walk(func(c cgroupfs.Cgroup) error {
		found := Cgroup{Cgroup: container.Cgroup{ID: c.ID, Path: c.Path}}
		if ref, ok := f.parser.Parse(c.Path); ok {
			found.Ref = &ref
		}
		cgroups = append(cgroups, found)
		return ctx.Err()
	})
	withoutFolders(cgroups)
	if err != nil {
		return cgroups, fmt.Errorf("look for containers: %w", err)
	}
	return cgroups, nil
}

// withoutFolders takes from cgroups that may be a container's own that they may be, if there are containers below them: then they are
// folders of theirs. Parents come before children.
func withoutFolders(cgroups []Cgroup) {
	unsure := map[string]int{} // by path
	for i, c := range cgroups {
		switch {
		case c.Ref == nil:
		case c.isRoot() && c.Ref.Unsure:
			unsure[c.Path] = i
			fallthrough // it may be below another one
		default:
			for path := range unsure {
				if strings.HasPrefix(c.Ref.Root, path+"/") {
					cgroups[unsure[path]].Ref = nil
					delete(unsure, path)
				}
			}
		}
	}
}

// CgroupLimits is a cgroup with its limits; nil is unknown.
type CgroupLimits struct {
	Cgroup

	Limits *fact.CgroupLimits
}

// readLimits reads the limits of those cgroups that are still there.
func (f *Finder) readLimits(cgroups []Cgroup) []CgroupLimits {
	var list []CgroupLimits
	for _, c := range cgroups {
		limits, err := resources.In(f.cfg.Layout).Limits(c.Path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		list = append(list, CgroupLimits{c, limits})
	}
	return list
}
