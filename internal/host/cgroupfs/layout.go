package cgroupfs

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Version names the kinds of cgroup hierarchy that a host uses.
type Version string

// The cgroup versions.
const (
	V1     Version = "v1"
	V2     Version = "v2"
	Hybrid Version = "hybrid" // v1 controllers beside a unified hierarchy
)

// DefaultRoot is where a host mounts its cgroup file systems.
const DefaultRoot = "/sys/fs/cgroup"

// Reader reads the cgroups of a host. It is safe for concurrent use.
type Reader struct {
	proc pseudofs.Proc
	root string
}

// New returns a reader of the cgroups of the host whose procfs is proc and whose cgroup file systems are mounted at or below
// root; "" means [DefaultRoot]. Only [Reader.Layout] reads root.
func New(proc pseudofs.Proc, root string) *Reader {
	if root == "" {
		root = DefaultRoot
	}
	return &Reader{proc: proc, root: filepath.Clean(root)}
}

// Layout describes where the host has its cgroups and which hierarchy nsviz tracks: the one with the memory controller, since it
// has limits, usage and OOM kills. It is a plain value that keeps nothing open; its methods read the tracked hierarchy.
//
// Paths of cgroups are the kernel's: they begin with a slash, and "/" is the hierarchy's root.
type Layout struct {
	Version Version
	// Controller is the v1 controller whose hierarchy is tracked; "" means the unified hierarchy.
	Controller string
	// HierarchyID is the kernel's number of the tracked hierarchy, 0 for the unified one.
	HierarchyID uint32
	// Dir is where the tracked hierarchy is mounted.
	Dir string
	// Root is the cgroup that is mounted at Dir, as mountinfo names it; "/" on an ordinary host.
	Root string
	// Whole reports whether Dir shows the hierarchy from its root on. If not (nsviz in a container with a cgroup namespace or
	// only its own cgroup mounted), other cgroups are unknown.
	Whole bool
	// HasMemory reports whether the tracked hierarchy has the memory controller.
	HasMemory bool
	// Others holds the other mounted hierarchies with information about resources, and that of the freezer: those of v1 by controller, the unified one as
	// "". Their own Others and Notes are empty.
	Others map[string]Layout
	// LocalPIDsEvents reports whether pids.events counts each cgroup alone (an option of the mount).
	LocalPIDsEvents bool
	// Notes describe what is not as it should be and what to do about it.
	Notes []string
}

// Hierarchy returns the hierarchy that has a controller: on v1 the controller's own, else the unified one, whose name is "". It
// returns false if neither is mounted.
func (l Layout) Hierarchy(controller string) (Layout, bool) {
	if controller == l.Controller {
		return l, true
	}
	if other, found := l.Others[controller]; found {
		return other, true
	}
	if l.Controller == "" {
		return l, true
	}
	unified, found := l.Others[""]
	return unified, found
}

// cgroupMount is a mount of a hierarchy.
type cgroupMount struct {
	dir     string
	root    string
	whole   bool
	options []string // the super block's; on v1 they name the controllers
}

// Layout finds out how the host lays its cgroups out.
//
// It reads the mountinfo of nsviz itself and not that of PID 1, because nsviz has to reach the hierarchies. In a container with
// the host's /sys/fs/cgroup mounted elsewhere they have other paths than on the host. Only mounts at or below the root for
// cgroups count.
func (r *Reader) Layout() (Layout, error) {
	mountinfo, err := pseudofs.ReadFile(r.proc.File("self/mountinfo"), nil)
	if err != nil {
		return Layout{}, fmt.Errorf("find the cgroup hierarchies: %w", err)
	}
	hierarchies, err := pseudofs.ReadFile(r.proc.File("self/cgroup"), nil)
	if err != nil {
		return Layout{}, fmt.Errorf("find the cgroup hierarchies: %w", err)
	}
	v1, v2 := cgroupMounts(mountinfo, r.resolvedRoot())
	if len(v1)+len(v2) == 0 {
		return Layout{}, fmt.Errorf("no cgroup hierarchy is mounted at or below %s: mount one with "+
			"`mount -t cgroup2 none %s`, or name the right directory with --cgroup-root", r.root, r.root)
	}
	layout, err := chooseHierarchy(v1, v2, parseHierarchies(hierarchies))
	if err != nil {
		return Layout{}, err
	}
	layout.Others = otherHierarchies(layout, v1, v2, parseHierarchies(hierarchies))
	if !layout.HasMemory {
		layout.Notes = append(layout.Notes, r.whyNoMemory(layout))
	}
	if !layout.Whole {
		layout.Notes = append(layout.Notes, fmt.Sprintf("%s shows only a part of the cgroup hierarchy, "+
			"containers elsewhere in it stay unknown: run nsviz on the host, or mount the host's "+
			"/sys/fs/cgroup into its container and name it with --cgroup-root", layout.Dir))
	}
	return layout, nil
}

// resolvedRoot returns the root for cgroups without symbolic links, as mountinfo has it.
func (r *Reader) resolvedRoot() string {
	if resolved, err := filepath.EvalSymlinks(r.root); err == nil {
		return resolved
	}
	return r.root
}

// cgroupMounts finds the mounted hierarchies at or below root.
func cgroupMounts(table []byte, root string) (v1, v2 []cgroupMount) {
	below := strings.TrimSuffix(root, "/") + "/"
	for m := range mountinfo.Lines(table) {
		isV1 := string(m.FSType) == "cgroup"
		if !isV1 && string(m.FSType) != "cgroup2" {
			continue
		}
		found := cgroupMount{dir: mountinfo.Unescape(m.Point), root: mountinfo.Unescape(m.Root)}
		if found.dir != root && !strings.HasPrefix(found.dir, below) {
			continue
		}
		found.whole = isHierarchyRoot(found.dir)
		for option := range bytes.SplitSeq(m.SuperOptions, []byte(",")) {
			found.options = append(found.options, string(option))
		}
		if isV1 {
			v1 = append(v1, found)
		} else {
			v2 = append(v2, found)
		}
	}
	return v1, v2
}

// isHierarchyRoot reports whether dir is a hierarchy's root. Its inode number is 1, since kernfs counts from there. Paths do not
// show it, since a cgroup namespace makes them relative.
func isHierarchyRoot(dir string) bool {
	stat, err := pseudofs.Lstat(dir)
	return err == nil && stat.Ino == 1
}

// chooseHierarchy chooses the hierarchy to track. ids are the hierarchies' numbers by controller.
func chooseHierarchy(v1, v2 []cgroupMount, ids map[string]uint32) (Layout, error) {
	unified, hasUnified := bestMount(v2, "")
	layout := Layout{Version: V2}
	if hasV1Controller(v1, ids) || !hasUnified {
		layout.Version = V1
		if hasUnified {
			layout.Version = Hybrid
		}
	}
	track := func(m cgroupMount, controller string) Layout {
		layout.Controller, layout.HierarchyID = controller, ids[controller]
		layout.Dir, layout.Root, layout.Whole = m.dir, m.root, m.whole
		layout.LocalPIDsEvents = slices.Contains(m.options, "pids_localevents")
		return layout
	}
	if m, found := bestMount(v1, "memory"); found {
		if ids["memory"] == 0 {
			return Layout{}, fmt.Errorf("%s is the memory hierarchy, but /proc/self/cgroup has no number for it", m.dir)
		}
		layout.HasMemory = true
		return track(m, "memory"), nil
	}
	if hasUnified {
		layout.HasMemory = unified.hasMemoryController()
		return track(unified, ""), nil
	}
	// Without memory, any hierarchy that container engines use distinguishes the containers.
	for _, controller := range []string{"pids", "devices", "freezer", "cpu"} {
		if m, found := bestMount(v1, controller); found && ids[controller] != 0 {
			return track(m, controller), nil
		}
	}
	return Layout{}, errors.New("of the cgroup hierarchies, neither the unified one nor any of memory, pids, devices, " +
		"freezer and cpu is mounted: mount the unified one with `mount -t cgroup2 none /sys/fs/cgroup/unified`")
}

// otherHierarchies finds the untracked hierarchies that have information about resources, and that of the freezer.
func otherHierarchies(tracked Layout, v1, v2 []cgroupMount, ids map[string]uint32) map[string]Layout {
	others := make(map[string]Layout)
	for _, controller := range []string{"cpu", "cpuacct", "pids", "blkio", "freezer"} {
		if m, found := bestMount(v1, controller); found && ids[controller] != 0 && controller != tracked.Controller {
			others[controller] = m.layout(tracked.Version, controller, ids[controller])
		}
	}
	if m, found := bestMount(v2, ""); found && tracked.Controller != "" {
		others[""] = m.layout(tracked.Version, "", 0)
	}
	return others
}

func (m cgroupMount) layout(version Version, controller string, id uint32) Layout {
	return Layout{
		Version: version, Controller: controller, HierarchyID: id, Dir: m.dir, Root: m.root, Whole: m.whole,
		LocalPIDsEvents: slices.Contains(m.options, "pids_localevents"),
	}
}

// hasV1Controller reports whether a v1 hierarchy with a controller is mounted. A v2 host may have one without: systemd's named
// hierarchy, for old containers.
func hasV1Controller(v1 []cgroupMount, ids map[string]uint32) bool {
	for _, m := range v1 {
		for _, option := range m.options {
			if ids[option] != 0 && !strings.HasPrefix(option, "name=") {
				return true
			}
		}
	}
	return false
}

// bestMount returns the hierarchy's mount that shows most: a full one, else the first. An empty controller means any hierarchy.
func bestMount(mounts []cgroupMount, controller string) (best cgroupMount, found bool) {
	for _, m := range mounts {
		if controller != "" && !slices.Contains(m.options, controller) {
			continue
		}
		if !found || m.whole && !best.whole {
			best, found = m, true
		}
	}
	return best, found
}

// hasMemoryController reads whether a unified hierarchy has the memory controller.
func (m cgroupMount) hasMemoryController() bool {
	data, err := pseudofs.ReadFile(m.dir+"/cgroup.controllers", nil)
	if err != nil {
		return false
	}
	for controller := range bytes.FieldsSeq(data) {
		if string(controller) == "memory" {
			return true
		}
	}
	return false
}

// whyNoMemory explains why there is no memory controller, and what to do.
func (r *Reader) whyNoMemory(layout Layout) string {
	const lost = "no memory controller, so memory and limits are unknown, and of an OOM kill " +
		"which cgroup had reached its limit: "
	data, err := pseudofs.ReadFile(r.proc.File("cgroups"), nil)
	enabled, known := parseMemoryEnabled(data)
	switch {
	case err == nil && known && !enabled:
		return lost + "it is switched off; boot with cgroup_enable=memory and without cgroup_disable=memory"
	case layout.Version == V2:
		return lost + layout.Dir + "/cgroup.controllers does not list it; " +
			"it may be in use by a cgroup v1 hierarchy that is mounted elsewhere"
	default:
		return lost + "mount it with `mount -t cgroup -o memory none " + r.root + "/memory`"
	}
}

// parseMemoryEnabled finds the line of memory in /proc/cgroups: "memory hierarchy cgroups enabled".
func parseMemoryEnabled(data []byte) (enabled, known bool) {
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) == 4 && string(fields[0]) == "memory" {
			return string(fields[3]) == "1", true
		}
	}
	return false, false
}

// parseHierarchies reads the numbers of the v1 hierarchies from /proc/self/cgroup, by controller.
func parseHierarchies(data []byte) map[string]uint32 {
	ids := make(map[string]uint32)
	for line := range bytes.Lines(data) {
		number, rest, _ := bytes.Cut(line, []byte(":"))
		controllers, _, found := bytes.Cut(rest, []byte(":"))
		id, err := strconv.ParseUint(string(number), 10, 32)
		if !found || err != nil {
			continue
		}
		for controller := range bytes.SplitSeq(controllers, []byte(",")) {
			if len(controller) > 0 { // without one it is the unified hierarchy, number 0
				ids[string(controller)] = uint32(id)
			}
		}
	}
	return ids
}
