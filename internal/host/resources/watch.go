package resources

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// WatchedFiles is how many files a [Watch] keeps open.
const WatchedFiles = 3

// Watch keeps open those files of one cgroup that are read again and again. A reading is then one system call, while opening,
// reading to the end and closing are four. The kernel removes a cgroup all the same. Reading it after that fails with
// fs.ErrNotExist, even if another one has its path by then. cgroup.procs is not among the files: while it is open, cgroup v1
// returns the same list for up to a second.
//
// It is for one goroutine at a time.
type Watch struct {
	unified             bool
	dir                 string
	usage, limit, kills watchedFile
}

// watchedFile is an open file; if it is not open, fd is -1 and err says why, or is nil if there is no such file.
type watchedFile struct {
	name string
	fd   int
	err  error
}

// Watch opens the files of the cgroup at path.
func (l Hierarchies) Watch(path string) (*Watch, error) {
	dirPath, err := l.Directory(path)
	if err != nil {
		return nil, err
	}
	dir, err := pseudofs.OpenDir(dirPath)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	w := &Watch{unified: l.Controller == "", dir: dirPath}
	names := [WatchedFiles]string{"memory.usage_in_bytes", "memory.limit_in_bytes", "memory.oom_control"}
	if w.unified {
		names = [WatchedFiles]string{"memory.current", "memory.max", "memory.events"}
	}
	files := w.files()
	for i, file := range files {
		*file = watchedFile{name: names[i], fd: -1}
		fd, err := pseudofs.Open(dir.FD(), file.name, unix.O_RDONLY)
		switch {
		case err == nil:
			file.fd = fd
		case err != unix.ENOENT:
			file.err = pseudofs.PathError("open", dirPath+"/"+file.name, err)
		}
	}
	if !w.usage.is() { // has it been removed since its directory was opened?
		if _, err := pseudofs.Lstat(dirPath); err != nil {
			w.Close()
			return nil, err
		}
	}
	return w, nil
}

func (f watchedFile) is() bool { return f.fd >= 0 }

func (w *Watch) files() [WatchedFiles]*watchedFile {
	return [WatchedFiles]*watchedFile{&w.usage, &w.limit, &w.kills}
}

// Close closes the files.
func (w *Watch) Close() {
	for _, file := range w.files() {
		if file.is() {
			_ = unix.Close(file.fd) // nothing was written to it
			file.fd = -1
		}
	}
}

// Open returns how many files are open.
func (w *Watch) Open() int {
	n := 0
	for _, file := range w.files() {
		if file.is() {
			n++
		}
	}
	return n
}

// Complete reports whether all files were there. Enabling a controller adds files.
func (w *Watch) Complete() bool {
	return w.Open() == WatchedFiles
}

// Charge reads what the cgroup is charged for and the OOM kills in it, and leaves the limit in m as it is.
func (w *Watch) Charge(m *Memory) error { return errors.Join(w.Usage(m), w.Kills(m)) }

// Usage reads what the cgroup is charged for, and leaves the other fields of m as they are.
func (w *Watch) Usage(m *Memory) (err error) {
	m.UsageBytes, err = w.fact(w.usage, parseBytes)
	return err
}

// Kills reads the OOM kills in the cgroup and what the kernel says beside them, and leaves the other fields of m as they are.
func (w *Watch) Kills(m *Memory) (err error) {
	m.UnderOOM, m.OOMKillOff = nil, nil
	m.OOMKills, err = w.fact(w.kills, func(text string) (*uint64, error) {
		if w.unified {
			return parseOOMKills(text)
		}
		kills, err := parseOOMKills(text)
		under, underErr := parseFlag(text, "under_oom")
		off, offErr := parseFlag(text, "oom_kill_disable")
		m.UnderOOM, m.OOMKillOff = under, off
		return kills, errors.Join(err, underErr, offErr)
	})
	return err
}

// Limit reads the cgroup's limit, and leaves the other fields of m as they are.
func (w *Watch) Limit(m *Memory) (err error) {
	m.Unlimited = false
	m.LimitBytes, err = w.fact(w.limit, func(text string) (*uint64, error) {
		if w.unified && text == "max\n" {
			m.Unlimited = true
			return nil, nil
		}
		n, err := parseBytes(text)
		if !w.unified && n != nil && *n >= unlimitedFrom {
			m.Unlimited = true
			return nil, nil
		}
		return n, err
	})
	return err
}

// fact reads one file. A missing file leaves the fact unknown.
func (w *Watch) fact(file watchedFile, parse func(text string) (*uint64, error)) (*uint64, error) {
	if !file.is() {
		return nil, file.err
	}
	var space [512]byte
	// One read returns all of it: each of these files is a single record.
	n, err := pread(file.fd, space[:], 0)
	if err == nil && n == len(space) {
		err = fmt.Errorf("longer than %d bytes", n)
	}
	if err != nil {
		return nil, pseudofs.PathError("read", w.dir+"/"+file.name, err)
	}
	fact, err := parse(string(space[:n]))
	if err != nil {
		return nil, fmt.Errorf("parse %s/%s: %w", w.dir, file.name, err)
	}
	return fact, nil
}

func pread(fd int, buf []byte, at int64) (int, error) {
	for {
		if n, err := unix.Pread(fd, buf, at); err != unix.EINTR {
			return n, err
		}
	}
}
