package story

import "github.com/nsviz/nsviz/internal/event"

// Isolates returns in words what a namespace of a type isolates.
func Isolates(t event.NamespaceType) string {
	switch t {
	case event.Mnt:
		return "files and mounts"
	case event.PID:
		return "process numbers"
	case event.Net:
		return "interfaces, addresses, ports"
	case event.IPC:
		return "shared memory, message queues"
	case event.UTS:
		return "host name"
	case event.User:
		return "users and their rights"
	case event.CgroupNS:
		return "view of the cgroup tree"
	case event.Time:
		return "clocks since boot"
	}
	return ""
}
