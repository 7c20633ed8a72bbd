package mountinfo

import (
	"bytes"
	"iter"
)

// Line is one line of mountinfo. Its fields point into the text that was parsed and are still
// escaped; [Unescape] decodes them.
type Line struct {
	ID           []byte // of this mount
	Parent       []byte // the ID of the mount that it is on
	Device       []byte // major:minor of the file system
	Root         []byte // what of the file system is mounted
	Point        []byte // where
	Options      []byte // of this mount
	FSType       []byte
	Source       []byte
	SuperOptions []byte // for cgroup v1 they name the controllers
}

// Lines goes through the text of /proc/PID/mountinfo. It passes over lines that are not as
// proc_pid_mountinfo(5) says: they are some file system's invention and do not concern nsviz,
// which looks for a few kinds only.
func Lines(mountinfo []byte) iter.Seq[Line] {
	return func(yield func(Line) bool) {
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
func parseMount(line []byte) (Line, bool) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	// A field "-" is the separator; a mount point cannot be one since it begins with a slash.
	before, after, found := bytes.Cut(line, []byte(" - "))
	if !found {
		return Line{}, false
	}
	var m Line
	index := 0
	for field := range bytes.SplitSeq(before, []byte(" ")) {
		switch index {
		case 0:
			m.ID = field
		case 1:
			m.Parent = field
		case 2:
			m.Device = field
		case 3:
			m.Root = field
		case 4:
			m.Point = field
		case 5:
			m.Options = field
		}
		index++
	}
	if index < 6 || len(m.Root) == 0 || len(m.Point) == 0 || m.Point[0] != '/' {
		return Line{}, false
	}
	fsType, rest, found := bytes.Cut(after, []byte(" "))
	if !found || len(fsType) == 0 {
		return Line{}, false
	}
	// The source may be empty, and a few file systems have spaces in their super options.
	m.Source, m.SuperOptions, found = bytes.Cut(rest, []byte(" "))
	m.FSType = fsType
	return m, found
}

// Unescape decodes the kernel's octal escapes (\040 is a space). A backslash that starts no
// such escape stands for itself.
func Unescape(text []byte) string {
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
