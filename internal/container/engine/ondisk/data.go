package ondisk

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
)

// data is the layout of Docker's data folder, containers/ID/config.v2.json. With remapped users it is in a folder UID.GID.
type data struct{}

// dockerConfig is what nsviz reads of Docker's config.v2.json (moby, container.Container).
type dockerConfig struct {
	ID     string
	Name   string
	Config struct {
		Image  string
		Labels map[string]string
	}
}

func (l data) find(in folder, id string) (found, error) {
	err := fs.ErrNotExist
	for _, dir := range l.folders(in) {
		var c dockerConfig
		if e := in.decode(dir+"/"+id+"/config.v2.json", &c); e != nil {
			if !errors.Is(e, fs.ErrNotExist) {
				err = e
			}
			continue
		}
		name := strings.TrimPrefix(c.Name, "/")
		if c.ID != id || name == "" {
			return found{}, errOther
		}
		labels := c.Config.Labels
		kind, group := container.GroupOf(labels)
		f := found{Identity: container.Identity{
			ID: id, Runtime: runtime.Docker, Name: container.Cut(name), Image: container.ShortImage(c.Config.Image), Kind: kind, Group: group, Labels: labels,
		}}
		return f, nil
	}
	return found{}, err
}

func (data) folders(in folder) []string {
	list := []string{"containers"}
	for _, name := range in.names(".", maxNamespaces) {
		if uid, gid, ok := strings.Cut(name, "."); ok && isNumber(uid) && isNumber(gid) {
			list = append(list, name+"/containers")
		}
	}
	return list
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
