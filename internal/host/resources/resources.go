package resources

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// Hierarchies reads the resources of the cgroups in a layout's hierarchies.
type Hierarchies struct{ cgroupfs.Layout }

// In returns the reader of the resources of the cgroups in a layout's hierarchies.
func In(layout cgroupfs.Layout) Hierarchies { return Hierarchies{layout} }

// Reader reads resources through a procfs. It is safe for concurrent use.
type Reader struct{ proc pseudofs.Proc }

// New returns a reader for the host whose procfs is proc.
func New(proc pseudofs.Proc) *Reader { return &Reader{proc} }

// Resources holds what a container uses and may use. A nil value is unknown, never zero: the kernel or the hierarchy does not
// have it.
type Resources struct {
	// Cgroup is the container's cgroup in the tracked hierarchy.
	Cgroup   string     `json:"cgroup"`
	Memory   *MemoryUse `json:"memory,omitempty"`
	CPU      *CPUUse    `json:"cpu,omitempty"`
	PIDs     *PIDsUse   `json:"pids,omitempty"`
	IO       *IOUse     `json:"io,omitempty"`
	Pressure *Pressures `json:"pressure,omitempty"`
}

// EffectiveLimit is the limit that applies to a cgroup: the lowest of its own and of those above it.
type EffectiveLimit struct {
	fact.Limit

	// Cgroup is the cgroup that sets the limit, the container's own or one above it. It is empty if nothing is limited or that
	// cgroup is out of sight.
	Cgroup string `json:"cgroup,omitempty"`
	// Partial is set if nsviz does not see all cgroups above: the true limit may be lower.
	Partial bool `json:"partial,omitempty"`
}

// Resources reads what the cgroup at path uses and may use. In other hierarchies than the tracked one it reads the same path;
// [Reader.Of] finds the true one by a process.
//
// If the cgroup is gone, or goes while it is read, the error matches fs.ErrNotExist and nothing is known. A file that is missing
// or malformed leaves its own facts unknown. A malformed one also causes an error, which comes with all other facts.
func (l Hierarchies) Resources(path string) (Resources, error) {
	return l.resources(path, func(cgroupfs.Layout) string { return path })
}

// Of reads what the cgroup at path of layout's tracked hierarchy uses and may use. If a controller has a hierarchy of its own, Of
// reads the cgroup that the process pid has there. The process has to be in the cgroup at path or below it.
func (r *Reader) Of(pid int32, layout cgroupfs.Layout, path string) (Resources, error) {
	return In(layout).resources(path, r.pathsOf(pid, layout, path))
}

// pathsOf returns the function that finds the cgroup of a process in another hierarchy, where that at path in layout's tracked one
// is the process's own or above it.
func (r *Reader) pathsOf(pid int32, layout cgroupfs.Layout, path string) func(cgroupfs.Layout) string {
	same := func(cgroupfs.Layout) string { return path }
	if len(layout.Others) == 0 {
		return same
	}
	var space [pseudofs.SmallFile]byte
	data, err := pseudofs.ReadFile(r.proc.PID(pid)+"/cgroup", space[:])
	if err != nil {
		return same // as engines do
	}
	in := func(h cgroupfs.Layout) (string, bool) {
		found, err := h.ParsePath(data)
		return found, err == nil
	}
	// If the process is in a cgroup below the container's (a systemd's unit), it is so in other hierarchies, too.
	own, _ := in(layout)
	below, isBelow := cgroupfs.CutPath(own, path)
	return func(h cgroupfs.Layout) string {
		elsewhere, known := in(h)
		if !known || !isBelow {
			return path
		}
		if below != "/" && strings.HasSuffix(elsewhere, below) {
			elsewhere = "/" + strings.TrimPrefix(strings.TrimSuffix(elsewhere, below), "/")
		}
		return elsewhere
	}
}

// resources reads the cgroup at path; pathIn returns its path in another hierarchy.
func (l Hierarchies) resources(path string, pathIn func(cgroupfs.Layout) string) (Resources, error) {
	dirPath, err := l.Directory(path)
	if err != nil {
		return Resources{}, err
	}
	before, err := pseudofs.Lstat(dirPath)
	if err != nil {
		return Resources{}, err
	}
	r := &resourceReader{tracked: l.Layout, path: path, pathIn: pathIn, buf: make([]byte, 2*pseudofs.SmallFile)}
	resources := Resources{
		Cgroup: path, Memory: r.memory(), CPU: r.cpu(), PIDs: r.pids(), IO: r.io(), Pressure: r.pressures(),
	}
	// Check that all was read from one cgroup that is still there.
	after, err := pseudofs.Lstat(dirPath)
	if err == nil && before.Ino != after.Ino {
		err = pseudofs.PathError("read", dirPath, unix.ENODEV)
	}
	if err != nil {
		return Resources{}, err
	}
	return resources, errors.Join(r.errs...)
}

// resourceReader reads the files of one container's cgroups and collects the errors.
type resourceReader struct {
	tracked cgroupfs.Layout
	path    string // in the tracked hierarchy
	pathIn  func(cgroupfs.Layout) string
	buf     []byte
	errs    []error
}

// cgroupIn is a cgroup in one of the host's hierarchies.
type cgroupIn struct {
	cgroupfs.Layout
	path, dir string
	// unconfined is set if this is the hierarchy's root, though the container has a cgroup elsewhere: no limit of the controller
	// applies, and the files describe the host.
	unconfined bool
}

// v1 reports whether the files are those of cgroup v1.
func (c cgroupIn) v1() bool { return c.Controller != "" }

// cgroup finds the container's cgroup in the hierarchy that has a controller.
func (r *resourceReader) cgroup(controller string) (cgroupIn, bool) {
	hierarchy, found := r.tracked.Hierarchy(controller)
	if !found {
		return cgroupIn{}, false
	}
	c := cgroupIn{Layout: hierarchy, path: r.path}
	if hierarchy.Controller != r.tracked.Controller {
		c.path = r.pathIn(hierarchy)
		c.unconfined = c.path == "/" && r.path != "/"
	}
	dir, err := c.Directory(c.path)
	c.dir = dir
	return c, err == nil
}

// text reads a file of a cgroup. It is unknown if it is missing or the kernel refuses to answer (PSI that is switched off).
func (r *resourceReader) text(dir, name string) (string, bool) {
	data, err := pseudofs.ReadFile(dir+"/"+name, r.buf)
	if err == nil {
		return string(data), true
	}
	if !pseudofs.IsGone(err) && !errors.Is(err, unix.EOPNOTSUPP) {
		r.errs = append(r.errs, err)
	}
	return "", false
}

func (r *resourceReader) failed(dir, name string, err error) {
	r.errs = append(r.errs, fmt.Errorf("parse %s/%s: %w", dir, name, err))
}

// number reads a file with a single number.
func (r *resourceReader) number(dir, name string) *uint64 {
	return parsed(r, dir, name, parseBytes)
}

// limit reads a file with a number or with what means no limit, on v1 or v2.
func (r *resourceReader) limit(dir, name string) *fact.Limit {
	return parsed(r, dir, name, parseLimit)
}

// parsed reads one file. (A method cannot have a type parameter.)
func parsed[T any](r *resourceReader, dir, name string, parse func(text string) (*T, error)) *T {
	text, found := r.text(dir, name)
	if !found {
		return nil
	}
	value, err := parse(text)
	if err != nil {
		r.failed(dir, name, err)
		return nil
	}
	return value
}

func parseLimit(text string) (*fact.Limit, error) {
	if text == "max\n" {
		return &fact.Limit{Unlimited: true}, nil
	}
	n, err := parseBytes(text)
	if err != nil {
		return nil, err
	}
	if *n >= unlimitedFrom {
		return &fact.Limit{Unlimited: true}, nil
	}
	return &fact.Limit{Value: new(float64(*n))}, nil
}

// fields reads a file of lines "key number" into the wanted numbers. It reports whether the file exists.
func (r *resourceReader) fields(dir, name string, wanted map[string]**uint64) bool {
	text, found := r.text(dir, name)
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		into := wanted[key]
		if into == nil {
			continue
		}
		n, err := parseBytes(value)
		if err != nil {
			r.failed(dir, name, fmt.Errorf("%s: %w", key, err))
			continue
		}
		*into = n
	}
	return found
}

// tightest returns the limit that applies to a cgroup: the lowest of its own and of all above it, the nearest of equal ones. read
// reads the limit of the cgroup whose files are in dir. A cgroup without the file (the root, or one whose parent does not enable
// the controller for it) limits nothing.
func tightest(c cgroupIn, own *fact.Limit, read func(dir string) *fact.Limit) *EffectiveLimit {
	if c.unconfined {
		if c.v1() {
			return &EffectiveLimit{Limit: fact.Limit{Unlimited: true}}
		}
		return nil
	}
	var lowest *EffectiveLimit
	for path, limit := c.path, own; ; limit = nil {
		if path != c.path {
			dir, err := c.Directory(path)
			if err != nil {
				break // above what is mounted
			}
			limit = read(dir)
		}
		switch {
		case limit == nil:
		case lowest == nil, limit.Value != nil && (lowest.Value == nil || *limit.Value < *lowest.Value):
			lowest = &EffectiveLimit{Limit: *limit}
			if limit.Value != nil {
				lowest.Cgroup = path
			}
		}
		if path == "/" {
			break
		}
		path = cgroupfs.Parent(path)
	}
	if lowest != nil {
		lowest.Partial = !c.Whole
	}
	return lowest
}

// seconds converts a count of units into seconds.
func seconds(n *uint64, unitsPerSecond float64) *float64 {
	if n == nil {
		return nil
	}
	s := float64(*n) / unitsPerSecond
	return &s
}

// parseInt reads a number that may be negative.
func parseInt(text string) (*int64, error) {
	n, err := strconv.ParseInt(strings.TrimSuffix(text, "\n"), 10, 64)
	if err != nil {
		return nil, err
	}
	return &n, nil
}
