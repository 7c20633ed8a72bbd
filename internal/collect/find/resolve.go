package find

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/nsviz/nsviz/internal/container"
)

// Resolve looks up a cgroup by its id, as [container.Resolver] has it, together with the containers' own cgroups above it. It fails
// where that is not possible for another reason than that the cgroup is gone: then only a reading of all cgroups finds it.
func (f *Finder) Resolve(id uint64) ([]container.Cgroup, error) {
	path, err := f.cfg.Layout.PathByID(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	self := container.Cgroup{ID: id, Path: path}
	ref, ok := f.parser.Parse(path)
	if !ok {
		return []container.Cgroup{self}, nil
	}
	var chain []container.Cgroup // innermost first
	for r := &ref; r != nil; r = r.Parent {
		if r.Root == path {
			continue
		}
		if above, err := f.cfg.Layout.ID(r.Root); err == nil {
			chain = append(chain, container.Cgroup{ID: above, Path: r.Root})
		}
	}
	slices.Reverse(chain)
	return append(chain, self), nil
}
