package anatomy

import (
	"slices"

	"github.com/nsviz/nsviz/internal/container/runtime"
)

// powers holds the severities of the most powerful capabilities; the others are Medium.
var powers = map[string]Severity{
	"cap_sys_admin":          High, // mounts, namespaces, much else
	"cap_sys_module":         Critical,
	"cap_sys_rawio":          Critical, // memory and I/O ports
	"cap_sys_ptrace":         High,
	"cap_dac_read_search":    High, // open_by_handle_at: any file of the file systems that it has a mount of
	"cap_bpf":                High,
	"cap_perfmon":            High,
	"cap_sys_boot":           High,
	"cap_mac_admin":          High,
	"cap_mac_override":       High,
	"cap_checkpoint_restore": Medium,
	"cap_net_admin":          Medium,
	"cap_sys_nice":           Low,
	"cap_ipc_lock":           Low,
	"cap_sys_tty_config":     Low,
	"cap_lease":              Low,
	"cap_block_suspend":      Low,
	"cap_wake_alarm":         Low,
	"cap_net_broadcast":      Low,
	"cap_sys_pacct":          Low,
}

func power(capability string) Severity {
	if s, ok := powers[capability]; ok {
		return s
	}
	return Medium
}

func (h *finder) capabilities() {
	p := h.a.Privileges
	if p == nil {
		return
	}
	sets := []struct {
		name string
		caps []string
	}{{"bounding", p.Capabilities.Bounding}, {"effective", p.Capabilities.Effective}, {"ambient", p.Capabilities.Ambient}}
	usual := runtime.UsualCapabilities()
	extra := map[string]string{} // names of the sets, by capability
	var order []string
	worst := Info
	for _, set := range sets {
		for _, c := range set.caps {
			if slices.Contains(usual, c) {
				continue
			}
			if extra[c] == "" {
				order = append(order, c)
				extra[c] = set.name
			} else {
				extra[c] += ", " + set.name
			}
			worst = max(worst, power(c))
		}
	}
	see := "capsh --decode=$(awk '/CapBnd/ {print $2}' " + h.file("status") + ")   (and CapEff, CapAmb)"
	if h.privileged(extra) {
		h.add(Finding{
			ID: "privileged", Severity: h.soften(Critical), Title: "It is privileged: it has all capabilities of the host and no seccomp filter",
			Meaning: "This is what --privileged makes. Its root can do what the host's root can; it is a container by name only.",
			See:     see + "; grep Seccomp " + h.file("status"),
			Close:   h.advice("privileged", "start it unprivileged; add the one capability or device that it needs"),
		})
	}
	if len(order) > 0 {
		details := make([]string, 0, len(order))
		for _, c := range order {
			details = append(details, c+" ("+extra[c]+")")
		}
		h.add(Finding{
			ID: "added_capabilities", Severity: h.soften(worst), Title: "It has capabilities beyond the engines' default", Details: details,
			Meaning: "Each is a part of root's power. What is in the bounding set can be had by a setuid program or one with file " +
				"capabilities; what is effective, its PID 1 has now; what is ambient stays with every program that it starts.",
			See:   see,
			Close: h.advice("added_capabilities", "start it without the capability in question; none but what it needs is better still"),
		})
	}
}

// privileged reports whether the container's root may do everything that the host's may.
func (h *finder) privileged(extra map[string]string) bool {
	p := h.a.Privileges
	if len(extra) == 0 || p.Seccomp != seccompDisabled || len(h.a.hostBounding) == 0 || p.Capabilities.Bounding == nil {
		return false
	}
	for _, c := range h.a.hostBounding {
		if !slices.Contains(p.Capabilities.Bounding, c) {
			return false
		}
	}
	return true
}
