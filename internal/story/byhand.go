package story

import (
	"strings"

	"github.com/nsviz/nsviz/internal/event"
)

// CountByHand returns the command that shows the kernel's own count of OOM kills where one happened; "" if there is none.
func CountByHand(o *event.OOM, cgroupVersion string) string {
	if o == nil || o.Scope != event.ScopeCgroup {
		return ""
	}
	file := MemoryFile(o.Cgroup, cgroupVersion, "memory.oom_control", "memory.events")
	if file == "" {
		return ""
	}
	return "cat " + file
}

// MemoryFile returns the path of a file of the hierarchy that counts memory, as one word of a shell; "" if nsviz cannot say. The file
// has one name in cgroup v1 and another one in v2.
func MemoryFile(cgroup, version, v1, v2 string) string {
	if cgroup == "" {
		return ""
	}
	dir := strings.TrimSuffix(cgroup, "/")
	switch version {
	case "v2":
		return ShellWord("/sys/fs/cgroup" + dir + "/" + v2)
	case "v1", "hybrid":
		return ShellWord("/sys/fs/cgroup/memory" + dir + "/" + v1)
	}
	return ""
}

// ShellWord returns a text as one word of a shell.
func ShellWord(s string) string {
	for _, r := range s {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("/._:@,+=%-", r) {
			continue
		}
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
