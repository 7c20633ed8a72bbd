package hostfs

import (
	"bytes"
	"iter"
)

// mount is one line of mountinfo. Its fields point into the text that was parsed and are still
// escaped; unescapeMount decodes them.
type mount struct {
	device       []byte // major:minor of the file system
	root         []byte // what of the file system is mounted
	point        []byte // where
	options      []byte // of this mount
	fsType       []byte
	source       []byte
	superOptions []byte // for cgroup v1 they name the controllers
}

// mounts goes through the text of /proc/PID/mountinfo. It passes over lines that are not as
// proc_pid_mountinfo(5) says: they are some file system's invention and do not concern nsviz,
// which looks for a few kinds only.
func mounts(mountinfo []byte) iter.Seq[mount] {
	return func(yield func(mount) bool) {
		for line := range bytes.Lines(mountinfo) {
			m, ok := parseMount(line)
			if ok && !yield(m) {
				return
			}
		}
	}
}

// parseMount reads "id parent major:minor root point options [optional…] - type source super". The
// kernel writes the whitespace within fields in octal, so that spaces only separate.
func parseMount(line []byte) (mount, bool) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	// A field "-" is the separator; a mount point cannot be one since it begins with a slash.
	before, after, found := bytes.Cut(line, []byte(" - "))
	if !found {
		return mount{}, false
	}
	var m mount
	index := 0
	for field := range bytes.SplitSeq(before, []byte(" ")) {
		switch index {
		case 2:
			m.device = field
		case 3:
			m.root = field
		case 4:
			m.point = field
		case 5:
			m.options = field
		}
		index++
	}
	if index < 6 || len(m.root) == 0 || len(m.point) == 0 || m.point[0] != '/' {
		return mount{}, false
	}
	fsType, rest, found := bytes.Cut(after, []byte(" "))
	if !found || len(fsType) == 0 {
		return mount{}, false
	}
	// The source may be empty, and a few file systems have spaces in their super options.
	m.source, m.superOptions, found = bytes.Cut(rest, []byte(" "))
	m.fsType = fsType
	return m, found
}

// unescapeMount decodes the kernel's octal escapes (\040 is a space). A backslash that starts no
// such escape stands for itself.
func unescapeMount(text []byte) string {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text)
	}
	decoded := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) && text[i+1] <= '3' &&
			isOctal(text[i+1]) && isOctal(text[i+2]) && isOctal(text[i+3]) {
			decoded = append(decoded, (text[i+1]-'0')<<6|(text[i+2]-'0')<<3|(text[i+3]-'0'))
			i += 3
			continue
		}
		decoded = append(decoded, text[i])
	}
	return string(decoded)
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }
