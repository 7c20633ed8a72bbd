package ondisk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// storage is the layout of the containers/storage library, which podman and CRI-O share: DRIVER-containers/containers.json lists all
// containers with their names, DRIVER-containers/ID/userdata is the OCI bundle of one.
type storage struct{}

// driverSuffix follows the name of the storage driver.
const driverSuffix = "-containers"

func (l storage) find(in folder, id string) (found, error) {
	err := fs.ErrNotExist
	for _, dir := range l.folders(in) {
		f := found{Identity: container.Identity{ID: id}, spec: new(spec)}
		if e := in.decode(dir+"/"+id+"/userdata/config.json", f.spec); e != nil {
			if !errors.Is(e, fs.ErrNotExist) {
				err = e
			}
			continue
		}
		if crioIdentity(&f.Identity, f.spec.Annotations) {
			f.Runtime = runtime.CRIO
			return f, nil
		}
		entries, e := stored(in, dir)
		if e != nil {
			return found{}, e
		}
		f.Runtime, f.Name, f.Image = runtime.Podman, entries[id].name, entries[id].image
		f.Kind, f.Group = podOf(in, dir, id, f.spec, entries)
		return f, nil
	}
	return found{}, err
}

// folders lists the folders of the storage drivers that were used.
func (storage) folders(in folder) []string {
	return slices.DeleteFunc(in.names(".", maxNamespaces), func(name string) bool { return !strings.HasSuffix(name, driverSuffix) })
}

// listed is what nsviz reads of an entry of containers.json (containers/storage, containers.go).
type listed struct{ name, image string }

func parseList(data []byte) (map[string]listed, error) {
	var entries []struct {
		ID       string   `json:"id"`
		Names    []string `json:"names"`
		Metadata string   `json:"metadata"` // JSON of podman's
	}
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, err
	}
	all := make(map[string]listed, len(entries))
	for _, e := range entries {
		var metadata struct {
			Image string `json:"image-name"`
		}
		_ = json.Unmarshal([]byte(e.Metadata), &metadata) // then the image is unknown
		if len(e.Names) > 0 {
			all[e.ID] = listed{container.Cut(e.Names[0]), container.ShortImage(metadata.Image)}
		}
	}
	return all, nil
}

// stored reads the lists of a driver's folder, by id. volatile-containers.json has those that are removed when they end.
func stored(in folder, dir string) (map[string]listed, error) {
	all, err := in.lists.read(in, dir+"/containers.json")
	more, e := in.lists.read(in, dir+"/volatile-containers.json")
	if len(more) > 0 {
		all = maps.Clone(all)
		maps.Copy(all, more)
	}
	return all, errors.Join(err, e)
}

// lists keeps the latest lists that were read: a list is about all containers, and is read for each of them. It is safe for concurrent use.
type lists struct {
	mu    sync.Mutex
	known map[listKey]map[string]listed // each is replaced, never changed
}

// listKey identifies a version of a file: lists are replaced by new files.
type listKey struct {
	device, inode uint64
	size          int64
	changed       time.Time
}

// maxLists bounds the lists that are kept.
const maxLists = 4

// read reads a list, by id. One that does not exist is empty.
func (l *lists) read(in folder, name string) (map[string]listed, error) {
	file, info, err := in.open(name, maxList)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return map[string]listed{}, err
	}
	defer file.Close()
	key := listKey{size: info.Size(), changed: info.ModTime()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		key.device, key.inode = stat.Dev, stat.Ino
	}
	l.mu.Lock()
	all, ok := l.known[key]
	l.mu.Unlock()
	if ok {
		return all, nil
	}
	data, err := readAll(file, maxList)
	if err != nil {
		return map[string]listed{}, err
	}
	if all, err = parseList(data); err != nil {
		return map[string]listed{}, fmt.Errorf("read %s: %w", name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= maxLists {
		l.known = map[listKey]map[string]listed{}
	}
	l.known[key] = all
	return all, nil
}

// podInPath finds the id of a pod in a cgroup path of podman's: /libpod_parent/POD/libpod-ID, or as systemd is asked for it,
// machine-libpod_pod_POD.slice:libpod:ID.
var podInPath = regexp.MustCompile(`(?:/|libpod_pod_)([0-9a-f]{64})(?:/|\.slice:)`)

// infraName is what podman calls the infra container of a pod, by the short id of the pod.
var infraName = regexp.MustCompile(`^([0-9a-f]{12})-infra$`)

// podOf returns the kind and the pod of one of podman's containers; nil is none. The name of a pod is in podman's database alone; but it is
// the hostname of the pod's infra container, unless somebody has chosen another one. Else the pod goes by its short id.
func podOf(in folder, dir, id string, s *spec, entries map[string]listed) (event.Kind, *event.Group) {
	var pod string
	if m := podInPath.FindStringSubmatch(s.cgroupsPath()); m != nil {
		pod = event.ShortID(m[1])
	}
	if m := infraName.FindStringSubmatch(entries[id].name); m != nil {
		return event.KindPod, &event.Group{Kind: event.GroupPod, Name: first(container.Cut(s.Hostname), m[1])}
	}
	if infra := s.Annotations["io.kubernetes.cri-o.SandboxID"]; container.IsHash(infra) { // so podman calls it, too
		var its spec
		if m := infraName.FindStringSubmatch(entries[infra].name); m != nil {
			pod = m[1]
		}
		if in.decode(dir+"/"+infra+"/userdata/config.json", &its) == nil {
			pod = first(container.Cut(its.Hostname), pod)
		}
	}
	if pod == "" {
		return "", nil
	}
	return "", &event.Group{Kind: event.GroupPod, Name: pod, Member: entries[id].name}
}
