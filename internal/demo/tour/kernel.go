package tour

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

// kernel reads what the kernel says in procfs, without any help of the rest of nsviz, which it checks.
type kernel struct{ proc string }

// self stands for the process that reads.
const self = 0

func (k kernel) path(pid int32, name string) string {
	folder := "self"
	if pid != self {
		folder = strconv.Itoa(int(pid))
	}
	return filepath.Join(k.proc, folder, name)
}

// outside returns a process in the host's namespaces: PID 1 or, where nsviz may not look at that, nsviz itself.
func (k kernel) outside() int32 {
	if _, err := k.namespace(1, event.Mnt); err != nil {
		return self
	}
	return 1
}

// status returns the words of a field in a process's status file.
func (k kernel) status(pid int32, field string) ([]string, error) {
	text, err := os.ReadFile(k.path(pid, "status"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if words, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.Fields(words), nil
		}
	}
	return nil, fmt.Errorf("%s has no %s", k.path(pid, "status"), field)
}

// mask returns a field of a status file that is a number in hexadecimal digits.
func (k kernel) mask(pid int32, field string) (uint64, error) {
	words, err := k.status(pid, field)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.Join(words, ""), 16, 64)
}

// namespace returns the link of a namespace of a process, net:[4026531840].
func (k kernel) namespace(pid int32, t event.NamespaceType) (string, error) {
	return os.Readlink(k.path(pid, "ns/"+t.String()))
}

// sameNamespace reports whether two processes are in the same namespace.
func (k kernel) sameNamespace(a, b int32, t event.NamespaceType) (bool, error) {
	first, err := k.namespace(a, t)
	if err != nil {
		return false, err
	}
	second, err := k.namespace(b, t)
	return first == second, err
}

// lines returns the number of lines of a process's file.
func (k kernel) lines(pid int32, name string) (int, error) {
	text, err := os.ReadFile(k.path(pid, name))
	return bytes.Count(text, []byte("\n")), err
}

// interfaces lists the network interfaces that a process sees.
func (k kernel) interfaces(pid int32) ([]string, error) {
	text, err := os.ReadFile(k.path(pid, "net/dev"))
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names, nil
}

// number returns the number in a file that begins with field, or the only one if field is "".
func number(path, field string) (uint64, error) {
	text, err := os.ReadFile(path) //nolint:gosec // a file of the kernel
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case field == "" && len(words) == 1:
			return strconv.ParseUint(words[0], 10, 64)
		case len(words) == 2 && words[0] == field:
			return strconv.ParseUint(words[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, field)
}

// bootFile has the number of the kernel's boot.
const bootFile = "sys/kernel/random/boot_id"

// bootInside returns the number of the boot as a process sees it. The container may have made the file, so that no link is followed out of
// the container's root, and the file is neither waited for nor read on and on.
func (k kernel) bootInside(pid int32) (string, error) {
	const path = "proc/" + bootFile
	fail := func(err error) (string, error) {
		return "", &fs.PathError{Op: "read", Path: k.path(pid, "root/"+path), Err: err}
	}
	root, err := unix.Open(k.path(pid, "root"), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	defer unix.Close(root)
	fd, err := unix.Openat2(root, path, &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return fail(err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fail(err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return fail(errors.New("no regular file"))
	}
	var text [128]byte
	n, err := unix.Read(fd, text[:])
	if err != nil {
		return fail(err)
	}
	return strings.TrimSpace(string(text[:n])), nil
}

// word returns the content of a file of one line.
func word(path string) (string, error) {
	text, err := os.ReadFile(path) //nolint:gosec // a file of the kernel
	return strings.TrimSpace(string(text)), err
}
