package ondisk

import (
	"context"
	"path"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/container"
)

// A place is a folder in which a runtime keeps what it knows of its containers.
type place struct {
	// dir is the path of the folder, below the root of a process: PID 1's, if via is 0.
	dir string
	via int32
	layout
}

// A layout is how a runtime lays its files out in a place. Implementations are comparable.
type layout interface {
	// find returns what is known of a container, or an error if that is nothing.
	find(in folder, id string) (found, error)
	// folders lists the folders that have one for each container, called by its id.
	folders(in folder) []string
}

// found is what was found of a container.
type found struct {
	container.Identity

	// spec is the bundle's; nil is unknown.
	spec *spec
	// bundle is the path of the OCI bundle, cgroup that of the cgroup which the runtime made; "" is unknown. pid is the container's PID 1,
	// startTicks when that was made, in clock ticks since boot; 0 is unknown.
	bundle     string
	cgroup     string
	pid        int32
	startTicks uint64
}

// defaults are the places where the runtimes of a user keep their files unless they are told otherwise.
func defaults(user uint32) []place {
	var list []place
	add := func(l layout, dirs ...string) {
		for _, dir := range dirs {
			list = append(list, place{dir: dir, layout: l})
		}
	}
	if user != 0 { // other places are shown by monitors
		dir := "/run/user/" + strconv.FormatUint(uint64(user), 10)
		add(states{"runc"}, dir+"/runc")
		add(states{"crun"}, dir+"/crun")
		return list
	}
	const now, old = "/io.containerd.runtime.v2.task", "/io.containerd.runtime.v1.linux"
	add(tasks{}, "/run/containerd"+now, "/run/containerd"+old, "/run/k3s/containerd"+now,
		"/run/docker/containerd/daemon"+now, "/run/docker/containerd/daemon"+old, "/run/snap.docker/containerd/daemon"+now)
	add(storage{}, "/var/lib/containers/storage", "/run/containers/storage")
	add(data{}, "/var/lib/docker", "/var/snap/docker/common/var-lib-docker")
	add(steps{}, executorOf("/var/lib/docker"), "/var/lib/buildkit/runc-overlayfs/executor", "/var/lib/buildkit/runc-native/executor")
	add(states{"runc"}, "/run/runc", "/run/docker/runtime-runc/moby", "/run/containerd/runc/default", "/run/containerd/runc/k8s.io")
	add(states{"crun"}, "/run/crun")
	return list
}

// placeOf returns the place that a bundle is in, by the path of the bundle. It returns false for that of no engine.
func placeOf(bundle string) (place, bool) {
	dir := path.Clean(bundle)
	if !path.IsAbs(dir) || dir != bundle && dir+"/" != bundle {
		return place{}, false
	}
	up := func() (name string) {
		dir, name = path.Split(dir)
		dir = strings.TrimSuffix(dir, "/")
		return name
	}
	last := up()
	if last == "userdata" {
		up() // the container
		if _, ok := strings.CutSuffix(up(), driverSuffix); ok && dir != "" {
			return place{dir: dir, layout: storage{}}, true
		}
		return place{}, false
	}
	if isExecutor(dir) {
		return place{dir: dir, layout: steps{}}, true
	}
	up() // the namespace
	if name := path.Base(dir); name == "io.containerd.runtime.v2.task" || name == "io.containerd.runtime.v1.linux" {
		return place{dir: dir, layout: tasks{}}, true
	}
	return place{}, false
}

// list lists the names of the folders of containers, not all of which need be ids.
func (p place) list(in folder) []string {
	var ids []string
	for _, dir := range p.folders(in) {
		ids = append(ids, in.names(dir, maxEntries)...)
	}
	return ids
}

// open opens a place's folder, for as long as look takes: a folder that is kept open cannot be unmounted.
func open[T any](ctx context.Context, s *Source, p place, look func(folder) (T, error)) (T, error) {
	lane := p.dir
	if s.cfg.User != 0 { // all files of a user may be on one file system that hangs
		lane = ""
	}
	return within(ctx, &s.lanes, lane, func() (T, error) {
		var none T
		root, err := s.openRoot(p)
		if err != nil {
			return none, err
		}
		defer root.Close()
		return look(folder{root, s.owner, &s.lists})
	})
}
