package ondisk

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/nsviz/nsviz/internal/container"
)

// tasks is the layout of containerd's OCI bundles, NAMESPACE/ID/config.json. A bundle is there before its cgroup, and as long as
// the container runs.
type tasks struct{}

func (l tasks) find(in folder, id string) (found, error) {
	err := fs.ErrNotExist
	for _, namespace := range l.folders(in) {
		f := found{Identity: container.Identity{ID: id, Runtime: runtimeOf(namespace)}, spec: new(spec)}
		if e := in.decode(namespace+"/"+id+"/config.json", f.spec); e != nil {
			if !errors.Is(e, fs.ErrNotExist) {
				err = e
			}
			continue
		}
		f.CgroupEnd = f.spec.cgroupEnd()
		a := f.spec.Annotations
		switch {
		case criIdentity(&f.Identity, a):
		case a["nerdctl/name"] != "":
			f.Name, f.Labels = container.Cut(a["nerdctl/name"]), a // which has the labels
			f.Kind, f.Group = container.GroupOf(a)
		default:
			namedByID(&f.Identity)
			f.Labels = a
		}
		return f, nil
	}
	return found{}, err
}

func (tasks) folders(in folder) []string {
	return slices.DeleteFunc(in.names(".", maxNamespaces), func(name string) bool { return !isID(name) })
}
