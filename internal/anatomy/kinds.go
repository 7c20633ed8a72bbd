package anatomy

import (
	"strings"

	"github.com/nsviz/nsviz/internal/event"
)

// isHostProcess reports whether it is a sandbox or a service: processes of the host that have some walls. No container runtime made
// it, it has no image, and it need not have a PID 1.
func (h *finder) isHostProcess() bool {
	return h.a.Container.Kind == event.KindSandbox || h.a.Container.Kind == event.KindService
}

// ofHostProcess words a finding about a sandbox or a service. It returns false if the finding holds for containers alone.
//
// What any process of the host has, such as the host's net namespace, is Low at most: it is a wall that nobody has put up, not one with a
// hole in it.
func ofHostProcess(f Finding) (Finding, bool) {
	if f.ID == "privileged" { // added_capabilities and no_seccomp have all of it
		return f, false
	}
	switch {
	case strings.HasPrefix(f.ID, "host_") && strings.HasSuffix(f.ID, "_namespace"):
		f.Severity = min(f.Severity, Low)
	case strings.HasPrefix(f.ID, "shared_"):
		f.Title = strings.Replace(f.Title, "other containers", "others", 1)
		f.Meaning = "Between these there is no wall of this kind."
	}
	words, ok := hostProcessWords[f.ID]
	if !ok {
		return f, true
	}
	if words.usual {
		f.Severity = min(f.Severity, Low)
	}
	if words.title != "" {
		f.Title = words.title
	}
	if words.meaning != "" {
		f.Meaning = words.meaning
	}
	return f, true
}

// hostProcessWords are about findings of a sandbox or a service, where the words for containers do not hold. A usual one is of any process
// of the host.
var hostProcessWords = map[string]struct {
	usual                 bool
	title, meaning, close string
}{
	"host_root": {
		usual: true, title: "It runs as root", meaning: "Its first process is user 0 on the host. Whatever gets past its walls is root there.",
		close: "run it as another user, or give it a user namespace",
	},
	"no_seccomp": {
		usual: true, meaning: "It can use every system call of the kernel, also those that it does not need and that had the holes of the past years.",
	},
	"new_privileges": {usual: true},
	"lsm_unconfined": {usual: true, meaning: "AppArmor or SELinux is at work on this host, and this is exempt from it or only watched by it."},
	"added_capabilities": {
		usual: true, title: "It has capabilities that containers are not given",
		meaning: "Each is a part of root's power. What is in the bounding set can be had by a setuid program or one with file capabilities; what is " +
			"effective, its first process has now; what is ambient stays with every program that it starts.",
	},
	"privileged_process": {
		title: "Processes in it may do more than its first one", meaning: "They have more privileges than it was given, and share its files and, most often, its user.",
	},
	"writable_proc_sys": {usual: true},
	"writable_sys":      {usual: true},
	"writable_cgroups":  {usual: true},
	"writable_root":     {usual: true, meaning: "It may change files as its user may. An intruder can leave programs behind."},
	"host_mount": {
		meaning: "Mounted files are outside of the walls: it can read them, and change them if the mount is writable, as far as its user may.",
	},
	"devices": {
		usual: true,
		meaning: "A device is the host's hardware, past all file systems. Whether it may be opened is also up to the cgroup's device rules, which nsviz " +
			"does not read.",
	},
	"outside_its_cgroup": {
		meaning: "Somebody has moved its first process out of its cgroup, whose limits do not hold it and what it starts. It can use up the host's memory, " +
			"and then the kernel kills anywhere on the host.",
		close: "restart it, or write its first process back to cgroup.procs of its cgroup; and find out who did it",
	},
	"no_memory_limit": {usual: true},
	"no_pids_limit":   {usual: true},
}
