package resources

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Frozen reads whether the freezer stops the processes of the cgroup at path, by its own file or by that of a cgroup above. Processes
// that are about to stop count as stopped. nil is unknown: no hierarchy with a freezer has the cgroup.
//
// A hybrid layout has two freezers, that of v1 and that of the unified hierarchy; either one stops processes.
func (l Hierarchies) Frozen(path string) (*bool, error) {
	r := &resourceReader{tracked: l.Layout, path: path, pathIn: func(cgroupfs.Layout) string { return path }, buf: make([]byte, pseudofs.SmallFile)}
	var frozen *bool
	for _, controller := range []string{"freezer", ""} {
		hierarchy, found := l.Hierarchy(controller)
		if !found || hierarchy.Controller != controller {
			continue
		}
		is := r.frozenV2
		if hierarchy.Controller != "" {
			is = r.frozenV1
		}
		if now := is(hierarchy); now != nil && (frozen == nil || *now) {
			frozen = now
		}
	}
	return frozen, errors.Join(r.errs...)
}

// frozenV1 reads freezer.state, which takes the cgroups above into account (freezer_read in kernel/cgroup/legacy_freezer.c).
func (r *resourceReader) frozenV1(hierarchy cgroupfs.Layout) *bool {
	dir, err := hierarchy.Directory(r.path)
	if err != nil {
		return nil
	}
	return parsed(r, dir, "freezer.state", func(text string) (*bool, error) {
		switch text {
		case "THAWED\n":
			return new(false), nil
		case "FREEZING\n", "FROZEN\n":
			return new(true), nil
		}
		return nil, fmt.Errorf("%q is no state of the freezer", text)
	})
}

// frozenV2 reads cgroup.freeze of the cgroup and of those above, which is what was asked for. cgroup.events has what came of it, also
// of what was asked for above the mount; it follows when all processes have stopped.
func (r *resourceReader) frozenV2(hierarchy cgroupfs.Layout) *bool {
	dir, err := hierarchy.Directory(r.path)
	if err != nil {
		return nil
	}
	var stopped *uint64
	r.fields(dir, "cgroup.events", map[string]**uint64{"frozen": &stopped}) // since Linux 5.2, as cgroup.freeze
	if stopped == nil {
		return nil
	}
	if *stopped != 0 {
		return new(true)
	}
	for path := r.path; path != "/"; path = cgroupfs.Parent(path) {
		dir, err := hierarchy.Directory(path)
		if err != nil {
			break // above what is mounted
		}
		if text, found := r.text(dir, "cgroup.freeze"); found && strings.TrimSuffix(text, "\n") == "1" {
			return new(true)
		}
	}
	return new(false)
}

// FrozenBelow lists the cgroups below the one at path that are frozen, and of each only the topmost: those below that are frozen, too.
func (l Hierarchies) FrozenBelow(path string) ([]string, error) {
	var list []string
	err := l.WalkTree(path, func(c cgroupfs.Cgroup, _ string) error {
		if c.Path == path {
			return nil
		}
		if frozen, _ := l.Frozen(c.Path); frozen != nil && *frozen { // unknown is not frozen
			list = append(list, c.Path)
			return fs.SkipDir
		}
		return nil
	})
	return list, err
}
