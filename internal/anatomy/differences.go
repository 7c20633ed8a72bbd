package anatomy

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// differences holds where the kernel permits more, and where less, than the engine's settings.
type differences struct {
	engine         string
	looser, strict []string
	worst          Severity
}

func (d *differences) add(looser bool, severity Severity, what, wanted, has string) {
	text := fmt.Sprintf("%s: %s in the settings of %s, %s in the kernel", what, wanted, d.engine, has)
	if !looser {
		d.strict = append(d.strict, text)
		return
	}
	d.looser = append(d.looser, text)
	d.worst = max(d.worst, severity)
}

// compareSettings compares the engine's settings with the kernel's state.
func (h *finder) compareSettings() {
	t := h.a.settings
	if t == nil || h.a.PID == 0 {
		return
	}
	d := &differences{engine: t.Engine}
	h.compareNamespaces(t, d)
	h.compareLimits(t, d)
	h.comparePrivileges(t, d)
	if r := h.a.Root; r != nil && r.ReadOnly != t.ReadOnly {
		d.add(!r.ReadOnly, Low, "root file system", yesNo(t.ReadOnly, "read-only", "writable"), yesNo(r.ReadOnly, "read-only", "writable"))
	}
	see, again, anew := "nsviz inspect shows the kernel's values and where to see them", "", ""
	commands := runtime.Lookup(t.Engine).Commands
	if inspect := commands[runtime.Inspect]; inspect != "" {
		see = inspect + " " + event.ShortID(h.a.Container.ID) + "; " + see
	}
	if update := commands[runtime.Update]; update != "" {
		again, anew = " ("+update+")", "; "+update+" sets a limit again"
	}
	if len(d.looser) > 0 {
		h.add(Finding{
			ID: "looser_than_told", Severity: h.soften(d.worst), Title: "The kernel permits it more than its engine's settings do", Details: bounded(d.looser),
			Meaning: "Somebody has changed it behind the engine's back, by the kernel's files or from inside, or the engine did not apply " +
				"its settings. Who trusts these settings trusts walls that are not there.",
			See: see, Close: "find out who did it; recreate the container, or set it again" + again,
		})
	}
	if len(d.strict) > 0 {
		h.add(Finding{
			ID: "stricter_than_told", Severity: Info, Title: "The kernel permits it less than its engine's settings do", Details: bounded(d.strict),
			Meaning: "It is good if a program gives up what it does not need. If somebody lowered a limit behind the engine's back, " +
				"that may be why it is slow or killed.",
			See: see, Close: "nothing, if that is intended" + anew,
		})
	}
}

func yesNo(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func (h *finder) compareNamespaces(t *fact.Settings, d *differences) {
	for _, kind := range event.NamespaceTypes() {
		mode, said := t.Modes[kind]
		n := h.a.Namespaces[kind]
		// A namespace that is another container's may be the host's.
		if !said || n == nil || n.SharedWithHost == nil || strings.HasPrefix(mode, "container:") {
			continue
		}
		// Without a setting, the engine decides whether the container gets a user or cgroup namespace.
		if mode == "" && (kind == event.User || kind == event.CgroupNS) {
			continue
		}
		if wanted := mode == "host"; wanted != *n.SharedWithHost {
			d.add(!wanted, High, kind.String()+" namespace", yesNo(wanted, "the host's", "one apart from the host"),
				yesNo(*n.SharedWithHost, "the host's", "another one"))
		}
	}
}

func (h *finder) compareLimits(t *fact.Settings, d *differences) {
	if h.a.Resources == nil {
		return
	}
	if m := h.a.Resources.Memory; m != nil {
		// The kernel counts in pages of at most 64 KiB.
		set := float64(t.MemoryBytes)
		compareLimit(d, "memory limit", set, m.MaxBytes, func(has float64) bool { return has <= set && set-has < 64<<10 },
			func(n float64) string { return fmt.Sprint(uint64(n), " bytes") })
		h.compareSwap(t, m, d)
	}
	if p := h.a.Resources.PIDs; p != nil {
		compareLimit(d, "limit of processes", float64(t.PIDs), p.Max, func(has float64) bool { return has == float64(t.PIDs) },
			func(n float64) string { return fmt.Sprint(uint64(n)) })
	}
	if c := h.a.Resources.CPU; c != nil {
		compareLimit(d, "CPU quota", t.CPUs, c.QuotaCores, func(has float64) bool { return math.Abs(has-t.CPUs) < 0.005 },
			func(n float64) string { return strconv.FormatFloat(n, 'g', 4, 64) + " CPUs" })
	}
}

// compareSwap compares the limits of swap. cgroup v1 limits memory and swap together: if that sum is as set, only the limit of
// memory differs.
func (h *finder) compareSwap(t *fact.Settings, m *resources.MemoryUse, d *differences) {
	set, has := t.Swap, m.SwapMaxBytes
	if set == nil || has == nil || set.Unlimited && has.Unlimited {
		return
	}
	same := func(a, b float64) bool { return math.Abs(a-b) < 64<<10 }
	if set.Value != nil && has.Value != nil {
		if same(*set.Value, *has.Value) {
			return
		}
		if memory := m.MaxBytes; memory != nil && memory.Value != nil && same(float64(t.MemoryBytes)+*set.Value, *memory.Value+*has.Value) {
			return
		}
	}
	format := func(l *fact.Limit) string {
		if l.Value == nil {
			return "none"
		}
		return fmt.Sprint(uint64(*l.Value), " bytes")
	}
	looser := has.Value == nil || set.Value != nil && *has.Value > *set.Value
	d.add(looser, Medium, "swap limit", format(set), format(has))
}

// compareLimit adds a difference if the kernel's limit is not what the engine was asked to set. 0 means that none was set. same reports
// whether the kernel's value is the one that was set, up to rounding; format words a value.
func compareLimit(d *differences, what string, set float64, has *fact.Limit, same func(float64) bool, format func(float64) string) {
	if has == nil || !has.Unlimited && has.Value == nil {
		return
	}
	orNone := func(n float64) string {
		if n == 0 {
			return "none"
		}
		return format(n)
	}
	var value float64 // 0 means no limit
	if !has.Unlimited {
		value = *has.Value
	}
	if set == 0 && has.Unlimited || set != 0 && !has.Unlimited && same(value) {
		return
	}
	d.add(set != 0 && (has.Unlimited || value > set), Medium, what, orNone(set), orNone(value))
}

func (h *finder) comparePrivileges(t *fact.Settings, d *differences) {
	p := h.a.Privileges
	if p == nil {
		return
	}
	if want := grantedCapabilities(t, h.a.hostBounding); want != nil && p.Capabilities.Bounding != nil {
		has := union(p.Capabilities.Bounding, p.Capabilities.Effective)
		without := func(from, list []string) (rest []string) {
			for _, c := range from {
				if !slices.Contains(list, c) {
					rest = append(rest, c)
				}
			}
			return rest
		}
		if more := without(has, want); len(more) > 0 {
			d.add(true, High, "capabilities", "none of these", strings.Join(bounded(more), " "))
		}
		if gone := without(want, p.Capabilities.Bounding); len(gone) > 0 {
			d.add(false, Info, "capabilities", strings.Join(bounded(gone), " "), "none of these")
		}
	}
	open := t.Privileged || t.SeccompUnconfined
	if is := p.Seccomp == seccompDisabled; p.Seccomp != "" && is != open {
		d.add(is, High, "seccomp", yesNo(open, "no filter", "a filter"), yesNo(is, "none", "one"))
	}
	if p.NoNewPrivs != nil && *p.NoNewPrivs != t.NoNewPrivs {
		d.add(t.NoNewPrivs, High, "no_new_privs", yesNo(t.NoNewPrivs, "on", "off"), yesNo(*p.NoNewPrivs, "on", "off"))
	}
	if t.AppArmor != "" && t.AppArmor != "unconfined" && p.LSM != nil && unconfined(*p.LSM) {
		d.add(true, High, "AppArmor profile", t.AppArmor, *p.LSM)
	}
}

// grantedCapabilities returns the bounding set that the engine's settings grant; nil means unknown. It never exceeds that of the
// host's own PID 1.
func grantedCapabilities(t *fact.Settings, hostBounding []string) []string {
	if len(hostBounding) == 0 {
		return nil
	}
	if t.Privileged {
		return hostBounding
	}
	add, drop := capabilityNames(t.CapAdd), capabilityNames(t.CapDrop)
	var set []string
	switch byDefault := runtime.Lookup(t.Engine).Capabilities; {
	case slices.Contains(add, "all"):
		set = slices.Clone(hostBounding)
	case slices.Contains(drop, "all"):
	case byDefault == nil:
		return nil
	default:
		set = slices.Clone(byDefault)
	}
	set = slices.DeleteFunc(set, func(c string) bool { return slices.Contains(drop, c) })
	set = union(set, add)
	return slices.DeleteFunc(set, func(c string) bool { return !slices.Contains(hostBounding, c) })
}

// capabilityNames returns the names as the kernel's tools write them.
func capabilityNames(names []string) []string {
	list := make([]string, len(names))
	for i, c := range names {
		list[i] = strings.ToLower(c)
		if list[i] != "all" && !strings.HasPrefix(list[i], "cap_") {
			list[i] = "cap_" + list[i]
		}
	}
	return list
}
