package anatomy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// Finding is something that weakens a container's isolation.
type Finding struct {
	// ID names the kind of finding; its meaning is stable.
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	// Details name the capabilities, paths, containers or processes in question.
	Details []string `json:"details,omitempty"`
	// Meaning describes what can happen, See how to check it by hand, Close how to fix it.
	Meaning string `json:"meaning"`
	See     string `json:"see"`
	Close   string `json:"close"`
}

// Findings returns what weakens the isolation of a container, the worst first. It is never nil. Unknown values cause no finding.
func Findings(a *Anatomy) []Finding {
	h := finder{a: a, found: []Finding{}}
	h.namespaces()
	h.users()
	h.capabilities()
	h.confinement()
	h.processes()
	h.kernelFiles()
	h.mounts()
	h.devices()
	h.outside()
	h.limits()
	h.ports()
	h.compareSettings()
	slices.SortStableFunc(h.found, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return h.found
}

type finder struct {
	a     *Anatomy
	found []Finding
}

func (h *finder) add(f Finding) {
	if h.isHostProcess() {
		var ok bool
		if f, ok = ofHostProcess(f); !ok {
			return
		}
	}
	h.found = append(h.found, f)
}

// file returns the path of a file of the container's PID 1 in /proc.
func (h *finder) file(name string) string { return fmt.Sprintf("/proc/%d/%s", h.a.PID, name) }

func (h *finder) onHost(t event.NamespaceType) bool {
	n := h.a.Namespaces[t]
	return n != nil && n.SharedWithHost != nil && *n.SharedWithHost
}

// ownUsers reports whether the container has a user namespace in which its root differs from the host's.
func (h *finder) ownUsers() bool {
	n := h.a.Namespaces[event.User]
	if n == nil || n.SharedWithHost == nil || *n.SharedWithHost || h.a.UIDMap == nil {
		return false
	}
	outside, mapped := nsfs.OutsideID(h.a.UIDMap, 0)
	return !mapped || outside != 0
}

// advice returns how to fix a finding: in the words of what started the container, if the runtime's table has them, else in these.
func (h *finder) advice(finding, words string) string {
	if h.isHostProcess() {
		words = cmp.Or(hostProcessWords[finding].close, words)
	}
	return cmp.Or(runtime.Advice(h.a.Container.Runtime, h.ofKubernetes(), finding), words)
}

// example returns the runtime's words for a part of an advice, in parentheses; "" if it has none.
func (h *finder) example(finding string) string {
	if words := h.advice(finding, ""); words != "" {
		return " (" + words + ")"
	}
	return ""
}

// ofKubernetes reports whether a kubelet started the container. Its cgroups are below kubepods.
func (h *finder) ofKubernetes() bool {
	if r := h.a.Resources; r != nil && strings.Contains(r.Cgroup, "/kubepods") {
		return true
	}
	group := h.a.Container.Group
	return group != nil && group.Kind == event.GroupPod && group.Namespace != ""
}

// soften returns a lower severity if the container's root is not the host's.
func (h *finder) soften(s Severity) Severity {
	if h.ownUsers() && s > Low {
		return s - 1
	}
	return s
}

// shared describes what it means that a namespace is the host's.
var shared = map[event.NamespaceType]struct {
	severity Severity
	meaning  string
}{
	event.Mnt:      {Critical, "It sees and changes the files of the host as the host does."},
	event.PID:      {High, "It sees every process of the host, with arguments and environment where its user may; as root it can signal them, and with cap_sys_ptrace read and change them."},
	event.Net:      {High, "It has the host's interfaces and addresses: it reaches what listens on the host's loopback, sockets in the abstract namespace too, and opens ports on the host."},
	event.IPC:      {Medium, "It reads and writes the shared memory, semaphores and message queues of the host's programs, as its user may."},
	event.UTS:      {Low, "With cap_sys_admin it renames the host."},
	event.CgroupNS: {Low, "It sees where in the host's cgroups it is, and with that the names of its engine, pod and neighbours."},
}

func (h *finder) namespaces() {
	for _, t := range event.NamespaceTypes() {
		if s, ok := shared[t]; ok && h.onHost(t) {
			id := "host_" + t.String() + "_namespace"
			h.add(Finding{
				ID: id, Severity: s.severity, Title: "It is in the host's " + t.String() + " namespace",
				Meaning: s.meaning, See: "readlink " + h.file("ns/"+t.String()) + " /proc/self/ns/" + t.String(),
				Close: h.advice(id, "start it in a namespace of its own"),
			})
		}
		n := h.a.Namespaces[t]
		if n != nil && n.Abandoned != nil {
			h.abandoned(t, n)
		}
		if n == nil || n.SharedWithHost == nil || *n.SharedWithHost || len(n.SharedWith) == 0 {
			continue
		}
		h.add(Finding{
			ID: "shared_" + t.String() + "_namespace", Severity: Info,
			Title:   "It shares its " + t.String() + " namespace with other containers",
			Details: bounded(n.SharedWith),
			Meaning: "Between these containers there is no wall of this kind. In a pod that is intended.",
			See:     fmt.Sprintf("lsns %d", n.ID),
			Close:   h.advice("shared_"+t.String()+"_namespace", "start it without the option that joins the other's namespace"),
		})
	}
}

// abandoned finds a namespace whose setup went with the container that it was made for.
func (h *finder) abandoned(t event.NamespaceType, n *Namespace) {
	by := n.Abandoned
	where := "that has another one now"
	restart := "restart this container, so that it joins the one that " + by.By + " has now"
	if by.Ended {
		where = "that has ended"
		restart = "start " + by.By + ", then restart this container"
	}
	meaning := "It no longer shares it with " + by.By + "."
	switch t {
	case event.Net:
		meaning = "When a container ends, its engine takes the interfaces, addresses and routes out of its namespace: nothing leads out of it."
	case event.IPC:
		meaning = "The shared memory, semaphores and message queues in it are not those that " + by.By + " uses."
	}
	h.add(Finding{
		ID: "abandoned_" + t.String() + "_namespace", Severity: Medium,
		Title:   "Its " + t.String() + " namespace is a dead one: it was made for " + by.By + ", and " + where,
		Details: []string{by.By}, Meaning: meaning, See: fmt.Sprintf("lsns %d", n.ID), Close: restart,
	})
}

func (h *finder) users() {
	// /proc has the host's user ids in every user namespace.
	p := h.a.Privileges
	if p == nil || p.UID == nil || *p.UID != 0 {
		return
	}
	h.add(Finding{
		ID: "host_root", Severity: Medium, Title: "Its root is the host's root",
		Meaning: "Its PID 1 is user 0 outside as well. Whatever gets past the other walls is root on the host, and files of " +
			"the host that are mounted in belong to it.",
		See:   "cat " + h.file("uid_map") + "; grep Uid " + h.file("status"),
		Close: h.advice("host_root", "run it as a user (USER in the image), or give it a user namespace"),
	})
}

// confinement finds missing confinement: seccomp, security modules, no_new_privs.
func (h *finder) confinement() {
	p := h.a.Privileges
	if p == nil {
		return
	}
	if p.Seccomp == seccompDisabled {
		h.add(Finding{
			ID: "no_seccomp", Severity: h.soften(High), Title: "No seccomp filter",
			Meaning: "It can use every system call of the kernel, also those that containers do not need and that had the holes " +
				"of the past years.",
			See:   "grep Seccomp " + h.file("status") + "   (0 is none, 2 is a filter)",
			Close: h.advice("no_seccomp", "start it unprivileged and with a seccomp filter"),
		})
	}
	if p.NoNewPrivs != nil && !*p.NoNewPrivs {
		h.add(Finding{
			ID: "new_privileges", Severity: Low, Title: "Programs in it can gain privileges",
			Meaning: "no_new_privs is off: a setuid program, or one with file capabilities, makes root of an ordinary user inside.",
			See:     "grep NoNewPrivs " + h.file("status"),
			Close:   h.advice("new_privileges", "start it with no_new_privs"),
		})
	}
	if p.LSM == nil {
		return
	}
	label := *p.LSM
	see := "cat " + h.file("attr/current")
	switch {
	case label == "":
		h.add(Finding{
			ID: "no_lsm", Severity: Low, Title: "No security module confines it",
			Meaning: "The kernel has neither AppArmor nor SELinux at work; what they would refuse by path or label is open.",
			See:     see + "; cat /sys/kernel/security/lsm", Close: "boot the host with AppArmor or SELinux",
		})
	case unconfined(label):
		h.add(Finding{
			ID: "lsm_unconfined", Severity: Medium, Title: "The security module does not confine it", Details: []string{label},
			Meaning: "AppArmor or SELinux is at work on this host, and this container is exempt from it or only watched by it.",
			See:     see,
			Close:   h.advice("lsm_unconfined", "start it unprivileged and with a profile; load the profile in enforce mode"),
		})
	}
}

// unconfined reports whether a label of AppArmor or SELinux means that nothing is refused.
func unconfined(label string) bool {
	if label == "unconfined" || strings.HasSuffix(label, " (complain)") || strings.HasSuffix(label, " (unconfined)") {
		return true
	}
	if fields := strings.Split(label, ":"); len(fields) >= 3 {
		return fields[2] == "unconfined_t" || fields[2] == "spc_t" || fields[2] == "unconfined_service_t"
	}
	return false
}

// processes finds processes that may do more than the container's PID 1, such as those of `docker exec --privileged`.
func (h *finder) processes() {
	p := h.a.Privileges
	if p == nil || p.Capabilities.Bounding == nil {
		return
	}
	var details []string
	for i := range h.a.Processes {
		other := &h.a.Processes[i]
		if other.PID == h.a.PID || h.isOutside(other) {
			continue
		}
		var more []string
		for _, name := range union(names(other.privileges.Effective), names(other.privileges.Bounding)) {
			if !slices.Contains(p.Capabilities.Bounding, name) && !slices.Contains(p.Capabilities.Effective, name) {
				more = append(more, name)
			}
		}
		if other.privileges.Seccomp != nil && *other.privileges.Seccomp == procfs.SeccompDisabled && p.Seccomp == seccompFilter {
			more = append(more, "no seccomp filter")
		}
		if len(more) > 0 {
			details = append(details, fmt.Sprintf("PID %d (%s): %s", other.PID, other.Comm, strings.Join(bounded(more), ", ")))
		}
	}
	if len(details) == 0 {
		return
	}
	unprivileged := "bring programs in without more privileges than it has"
	if r := runtime.Lookup(h.a.Container.Runtime); r.RunFlags && r.Commands[runtime.Exec] != "" {
		unprivileged = r.Commands[runtime.Exec] + " without --privileged"
	}
	h.add(Finding{
		ID: "privileged_process", Severity: h.soften(High), Title: "Processes in it may do more than its PID 1", Details: bounded(details),
		Meaning: "They came in from outside with more privileges than the container was given, and share its files and, most often, its user.",
		See:     "grep -E 'Cap|Seccomp' /proc/PID/status", Close: h.advice("privileged_process", unprivileged),
	})
}

// isOutside reports whether a process in the container's cgroup is none of the container: it is in another mount namespace and
// either sees the processes of the host or is in the host's mount namespace itself. Such a process is that of a runtime (conmon in the
// cgroup of a pod), or one of the host that was moved there.
func (h *finder) isOutside(p *Process) bool {
	n := h.a.Namespaces[event.Mnt]
	if n == nil || n.ID == 0 || p.mnt == 0 || p.mnt == n.ID {
		return false
	}
	i := slices.IndexFunc(h.a.Processes, func(own Process) bool { return own.PID == h.a.PID })
	return p.mnt == h.a.hostMnt || i >= 0 && len(p.PIDs) < len(h.a.Processes[i].PIDs)
}

// outside finds a PID 1 that is not in the container's own cgroup.
func (h *finder) outside() {
	if h.a.Unheld == nil {
		return
	}
	details := "PID 1 is in a cgroup that is unknown"
	if in := h.a.Unheld.Cgroup; in != "" {
		details = "PID 1 is in " + in
	}
	if r := h.a.Resources; r != nil {
		details += ", and not in " + r.Cgroup
	}
	h.add(Finding{
		ID: "outside_its_cgroup", Severity: High, Title: "Its limits do not hold it", Details: []string{details},
		Meaning: "Somebody has moved its PID 1 out of the container's cgroup. That cgroup's limits (memory on cgroup v1, all on v2) do " +
			"not hold PID 1 and what it starts. It can use up the host's memory, and then the kernel kills anywhere on the host.",
		See:   "cat " + h.file("cgroup") + "; nsviz why shows who moved it, if nsviz was running then",
		Close: h.advice("outside_its_cgroup", "recreate the container, or write its PID 1 back to cgroup.procs of its cgroup; and find out who did it"),
	})
}

func (h *finder) limits() {
	if h.a.Resources == nil {
		return
	}
	m, p := h.a.Resources.Memory, h.a.Resources.PIDs
	if m != nil && unlimited(m.MaxBytes, m.EffectiveMaxBytes) {
		h.add(Finding{
			ID: "no_memory_limit", Severity: Medium, Title: "Nothing limits its memory",
			Meaning: "It can use up the host's memory, and then the kernel kills anywhere on the host.",
			See:     h.cgroupFile("memory.max", "memory.limit_in_bytes"), Close: h.advice("no_memory_limit", "give it a limit of memory"),
		})
	}
	if p != nil && unlimited(p.Max, p.EffectiveMax) {
		h.add(Finding{
			ID: "no_pids_limit", Severity: Medium, Title: "Nothing limits how many processes it has",
			Meaning: "A fork bomb in it takes all process numbers of the host.",
			See:     h.cgroupFile("pids.max", "pids.max"), Close: h.advice("no_pids_limit", "give it a limit of processes"),
		})
	}
}

// unlimited reports whether, as far as is visible, neither a container's own cgroup nor one above it sets a limit.
func unlimited(own *fact.Limit, effective *resources.EffectiveLimit) bool {
	if effective != nil {
		return effective.Unlimited
	}
	return own != nil && own.Unlimited
}

func (h *finder) cgroupFile(v2, v1 string) string {
	file := v2
	if v1 != v2 {
		file += " (" + v1 + " on cgroup v1)"
	}
	return "cat " + h.file("cgroup") + " shows its cgroup; see its file " + file + " below /sys/fs/cgroup"
}

// maxDetails limits how many details of a kind are listed.
const maxDetails = 12

func bounded(list []string) []string {
	if len(list) <= maxDetails {
		return slices.Clone(list)
	}
	return append(slices.Clone(list[:maxDetails]), fmt.Sprintf("and %d more", len(list)-maxDetails))
}

// union joins the lists without repetitions, in the order of first appearance.
func union(lists ...[]string) (all []string) {
	for _, list := range lists {
		for _, s := range list {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}
