package cgroupfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// ErrOutsideMount reports that a cgroup is in a part of the hierarchy that [Layout.Dir] does not show, or that its path is
// unknown: nsviz runs in a container of its own.
var ErrOutsideMount = errors.New("the cgroup is outside of the mounted part of the hierarchy")

// PathOf reads which cgroup of layout's tracked hierarchy a process is in.
func (r *Reader) PathOf(pid int32, layout Layout) (string, error) {
	dir, err := r.proc.OpenPID(pid)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	var space [pseudofs.SmallFile]byte
	return layout.ReadPath(dir, space[:])
}

// ReadPath is [Reader.PathOf] for a process whose directory is open.
func (l Layout) ReadPath(dir pseudofs.Dir, buf []byte) (string, error) {
	data, err := dir.Read("cgroup", buf)
	if err != nil {
		return "", err
	}
	path, err := l.ParsePath(data)
	if err != nil && err != ErrOutsideMount {
		return "", fmt.Errorf("parse %s/cgroup: %w", dir.Path(), err)
	}
	return path, err
}

// ParsePath is [Reader.PathOf] for a process whose /proc/PID/cgroup has been read.
func (l Layout) ParsePath(data []byte) (string, error) {
	path, err := parseCgroupPath(data, l.HierarchyID)
	if err != nil {
		return "", err
	}
	return l.canonical(path)
}

// parseCgroupPath finds a hierarchy's line, "4:memory:/path", in /proc/PID/cgroup.
func parseCgroupPath(data []byte, hierarchy uint32) (string, error) {
	var space [16]byte
	prefix := append(strconv.AppendUint(space[:0], uint64(hierarchy), 10), ':')
	for line := range bytes.Lines(data) {
		rest, found := bytes.CutPrefix(line, prefix)
		if !found {
			continue
		}
		_, path, found := bytes.Cut(rest, []byte(":")) // the path may have colons, the names may not
		path, ended := bytes.CutSuffix(path, []byte("\n"))
		if !found || !ended || len(path) == 0 || path[0] != '/' {
			return "", fmt.Errorf("%q is not of the form number:names:/path", string(line))
		}
		if hierarchy == 0 {
			// The kernel marks a removed cgroup of the unified hierarchy so; a zombie may be in one.
			path = bytes.TrimSuffix(path, []byte(" (deleted)"))
		}
		return string(path), nil
	}
	return "", fmt.Errorf("no line for hierarchy %d", hierarchy)
}

// canonical converts a path as this process's cgroup namespace shows it into one from the hierarchy's root. They differ only if
// nsviz has a cgroup namespace of its own and more is mounted than that shows: then Root is "/../..", the way up from it, and
// other cgroups appear as "/../../name".
func (l Layout) canonical(path string) (string, error) {
	if isUpward(l.Root) {
		rest, found := CutPath(path, l.Root)
		if !found || isUpward(rest) {
			return "", ErrOutsideMount
		}
		return rest, nil
	}
	if isUpward(path) {
		return "", ErrOutsideMount
	}
	return path, nil
}

// Top returns the path of the cgroup that is mounted at Dir.
func (l Layout) Top() string {
	if l.Root == "" || isUpward(l.Root) {
		return "/"
	}
	return l.Root
}

// Directory returns the directory with the files of the cgroup at path.
func (l Layout) Directory(path string) (string, error) {
	if l.Dir == "" {
		return "", errors.New("the layout of the cgroups is not known")
	}
	rest, found := CutPath(path, l.Top())
	if !found {
		return "", fmt.Errorf("%s: %w", path, ErrOutsideMount)
	}
	// Paths come from outside: none may lead out of the hierarchy.
	if rest != "/" && !filepath.IsLocal(rest[1:]) {
		return "", fmt.Errorf("%s: %w", path, fs.ErrInvalid)
	}
	return strings.TrimSuffix(l.Dir+rest, "/"), nil
}

// Parent returns the path of the cgroup above; for "/" it returns "/".
func Parent(path string) string { return path[:max(1, strings.LastIndexByte(path, '/'))] }

// Shows reports whether the cgroup at path would have its directory below Dir.
func (l Layout) Shows(path string) bool {
	_, err := l.Directory(path)
	return err == nil
}

// ID returns the kernel's id of the cgroup at path: the inode number of its directory.
func (l Layout) ID(path string) (uint64, error) {
	dir, err := l.Directory(path)
	if err != nil {
		return 0, err
	}
	stat, err := pseudofs.Lstat(dir)
	return stat.Ino, err
}

// isUpward reports whether a path leads out of the reader's cgroup namespace.
func isUpward(path string) bool { return path == "/.." || strings.HasPrefix(path, "/../") }

// CutPath cuts the prefix, as complete components, off an absolute path; what remains is absolute.
func CutPath(path, prefix string) (string, bool) {
	rest, found := strings.CutPrefix(path, strings.TrimSuffix(prefix, "/"))
	if rest == "" {
		return "/", found && path != ""
	}
	return rest, found && rest[0] == '/'
}
