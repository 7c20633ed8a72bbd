package anatomy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// at returns the mount that a path is in; if several cover each other, the last one.
func (h *finder) at(where string) *Mount {
	var best *Mount
	for i := range h.a.Mounts {
		m := &h.a.Mounts[i]
		around := !m.Covered && (m.Path == "/" || where == m.Path || strings.HasPrefix(where, m.Path+"/"))
		if around && (best == nil || len(m.Path) >= len(best.Path)) {
			best = m
		}
	}
	return best
}

// kernelFiles finds settings of the kernel that the container can write to.
func (h *finder) kernelFiles() {
	if m := h.at("/proc/sys"); m != nil && m.Type == "proc" && !m.ReadOnly {
		h.add(Finding{
			ID: "writable_proc_sys", Severity: h.soften(High), Title: "It can write to /proc/sys",
			Meaning: "Most settings there are the whole host's. kernel.core_pattern names a program that the kernel runs as the host's root.",
			See:     "findmnt -N " + fmt.Sprint(h.a.PID) + " -T /proc/sys",
			Close:   h.advice("writable_proc_sys", "start it unprivileged and with /proc/sys read-only"),
		})
	}
	var sys, cgroups []string
	for i := range h.a.Mounts {
		m := &h.a.Mounts[i]
		var into *[]string
		switch m.Type {
		case "sysfs":
			into = &sys
		case "cgroup", "cgroup2":
			into = &cgroups
		}
		// Another mount may cover it. at comes last because there may be thousands of mounts of other types.
		if into != nil && !m.ReadOnly && !h.a.outOfReach[i] && h.at(m.Path) == m {
			*into = append(*into, m.Path)
		}
	}
	if len(sys) > 0 {
		h.add(Finding{
			ID: "writable_sys", Severity: h.soften(High), Title: "It can write to the kernel's /sys", Details: bounded(sys),
			Meaning: "There are settings of devices, drivers and the kernel of the whole host, and programs that the kernel runs as the host's root.",
			See:     "findmnt -N " + fmt.Sprint(h.a.PID) + " -t sysfs",
			Close:   h.advice("writable_sys", "start it unprivileged; mount /sys read-only"),
		})
	}
	if len(cgroups) > 0 {
		h.add(Finding{
			ID: "writable_cgroups", Severity: h.soften(Medium), Title: "It can write to cgroup files", Details: bounded(cgroups),
			Meaning: "It can change limits, its own among them; on cgroup v1 a release_agent is a program that the kernel runs as the host's root.",
			See:     "findmnt -N " + fmt.Sprint(h.a.PID) + " -t cgroup,cgroup2",
			Close:   h.advice("writable_cgroups", "start it unprivileged; mount the cgroups read-only"),
		})
	}
	if r := h.a.Root; r != nil && !r.ReadOnly {
		h.add(Finding{
			ID: "writable_root", Severity: Info, Title: "Its root file system can be written to",
			Meaning: "Whoever gets in can leave programs behind; what is written is lost with the container.",
			See:     "findmnt -N " + fmt.Sprint(h.a.PID) + " /",
			Close:   h.advice("writable_root", "start it with a read-only root file system, and with a tmpfs for what it has to write"),
		})
	}
}

// mounts finds sensitive parts of the host that are mounted in the container.
func (h *finder) mounts() {
	var sockets, paths []string
	pathsWorst := Info
	var covered []*Mount // a mount of /run already contains what is mounted below it
	for i := range h.a.Mounts {
		m := &h.a.Mounts[i]
		e := exposureOf(m)
		if e == nil || m.Covered || m.Kind != KindBind && m.Kind != KindVolume {
			continue
		}
		if runtime.IsSocket(path.Base(m.Source)) {
			sockets = append(sockets, m.Source+" at "+m.Path)
			continue
		}
		if h.a.Container.Kind == event.KindService && m.Path == m.Source {
			continue // it is in the host's tree, where that folder is, too; systemd puts mounts there to take rights away
		}
		if slices.ContainsFunc(covered, func(c *Mount) bool { return within(m.Path, c.Path) && within(m.Source, c.Source) }) {
			continue
		}
		covered = append(covered, m)
		severity, how := e.writable, "writable"
		if m.ReadOnly {
			severity, how = e.readOnly, "read-only"
		}
		pathsWorst = max(pathsWorst, severity)
		paths = append(paths, fmt.Sprintf("%s at %s, %s: %s", m.Source, m.Path, how, e.why))
	}
	if len(sockets) > 0 {
		h.add(Finding{
			ID: "engine_socket", Severity: Critical, Title: "The socket of a container engine is mounted in", Details: bounded(sockets),
			Meaning: "Whoever may connect to it commands the engine: a privileged container with the host's / in it makes its user root on " +
				"the host. A read-only mount does not prevent connections.",
			See:   "findmnt -N " + fmt.Sprint(h.a.PID) + " | grep sock",
			Close: "do not mount it; if a program must ask the engine, put a proxy in between that passes only the requests that it needs",
		})
	}
	if len(paths) > 0 {
		h.add(Finding{
			ID: "host_mount", Severity: h.soften(pathsWorst), Title: "Files of the host that matter are mounted in", Details: bounded(paths),
			Meaning: "Mounted files are outside of the walls: the container can read them, and change them if the mount is writable, as far as its user may.",
			See:     "findmnt -N " + fmt.Sprint(h.a.PID),
			Close:   "mount only the folder that is needed, read-only" + h.example("host_mount") + " where that will do",
		})
	}
}

func exposureOf(m *Mount) *exposure {
	if m.Source == "" {
		return nil
	}
	return sensitive(m.Source)
}

// within reports whether the path at equals dir or is below it.
func within(at, dir string) bool {
	return at == dir || strings.HasPrefix(at, strings.TrimSuffix(dir, "/")+"/")
}

// number names a character device.
type number struct{ major, minor uint32 }

// usualDevices are those of every container: null, zero, full, random, urandom, tty, console, ptmx.
var usualDevices = []number{{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}}

// bareDevices give access to the machine's memory and ports: mem, kmem, port.
var bareDevices = []number{{1, 1}, {1, 2}, {1, 4}}

func (h *finder) devices() {
	var details []string
	worst := Info
	note := func(where string, severity Severity, what string) {
		worst = max(worst, severity)
		details = append(details, where+": "+what)
	}
	for _, d := range h.a.Devices {
		n := number{d.Major, d.Minor}
		switch {
		case d.Block:
			note(d.Path, High, fmt.Sprintf("block device %d:%d", d.Major, d.Minor))
		case slices.Contains(bareDevices, n):
			note(d.Path, Critical, fmt.Sprintf("character device %d:%d, the machine's memory or ports", d.Major, d.Minor))
		case slices.Contains(usualDevices, n), d.Major >= 136 && d.Major <= 143: // terminals
		default:
			note(d.Path, Medium, fmt.Sprintf("character device %d:%d", d.Major, d.Minor))
		}
	}
	if len(details) == 0 {
		return
	}
	h.add(Finding{
		ID: "devices", Severity: h.soften(worst), Title: "It has devices of the host", Details: bounded(details),
		Meaning: "A device is the host's hardware, past all file systems. Whether it may be opened is also up to the cgroup's device rules, " +
			"which nsviz does not read: a node that the container made by itself (cap_mknod) is most often refused.",
		See:   fmt.Sprintf("ls -l /proc/%d/root/dev", h.a.PID),
		Close: h.advice("devices", "start it unprivileged and without devices"),
	})
}
