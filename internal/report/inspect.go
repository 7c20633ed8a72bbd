package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// anatomyText writes an anatomy for people.
type anatomyText struct {
	sections

	a *anatomy.Anatomy
}

// WriteAnatomy writes an anatomy for people, with times in a zone. Its sections have the order of the lesson: what the
// container sees, may use, is made of and may do, and its holes.
func WriteAnatomy(out io.Writer, a *anatomy.Anatomy, zone *time.Location) error {
	t := anatomyText{sections{zone: zone}, a}
	t.title(a.Container)
	t.pid1("is", isNotPID1(a), a.PID, a.Comm, a.Started)
	if n := a.RestartCount; n != nil && *n > 0 {
		fmt.Fprintf(&t, "its engine has restarted it %s\n", times(uint64(*n)))
	}
	t.sees()
	t.uses()
	t.madeOf()
	t.mayDo()
	t.findings()
	if len(a.Unknown) > 0 {
		t.section("What is unknown")
		for _, what := range bound(a.Unknown) {
			t.line("", what)
		}
	}
	_, err := io.WriteString(out, t.String())
	return err
}

// isNotPID1 reports whether the container's first process has another number than 1 in its PID namespace, which is another
// container's or the host's.
func isNotPID1(a *anatomy.Anatomy) bool {
	i := slices.IndexFunc(a.Processes, func(p anatomy.Process) bool { return p.PID == a.PID })
	if i < 0 || len(a.Processes[i].PIDs) == 0 {
		return a.Container.Kind == event.KindSandbox || a.Container.Kind == event.KindService // which need not have one
	}
	pids := a.Processes[i].PIDs
	return pids[len(pids)-1] != 1
}

func (t *anatomyText) sees() {
	t.section("What it sees")
	for _, kind := range event.NamespaceTypes() {
		t.line(kind.String(), namespaceWords(t.a.Namespaces[kind], label(t.a.Container), t.zone))
	}
	t.list(seenLines(t.a))
	var list []string
	for i := range t.a.Processes {
		list = append(list, processWords(&t.a.Processes[i]))
	}
	t.lines("processes", bound(list))
}

// seenLines describes what the container sees besides its namespaces and processes.
func seenLines(a *anatomy.Anatomy) []Line {
	var lines []Line
	if a.Hostname != nil {
		lines = append(lines, Line{"host name", cmp.Or(*a.Hostname, "(empty)")})
	}
	if maps := idMapWords(a); maps != "" {
		lines = append(lines, Line{"users", maps})
	}
	if o := a.TimeOffsets; o != nil && *o != (anatomy.TimeOffsets{}) {
		lines = append(lines, Line{"clocks", fmt.Sprintf("monotonic %+v, boottime %+v against the host's",
			time.Duration(o.MonotonicNS), time.Duration(o.BoottimeNS))})
	}
	if n := a.Network; n != nil {
		var list []string
		for _, i := range n.Interfaces {
			text := i.Name
			for _, address := range i.Addresses {
				text += " " + address.String()
			}
			list = append(list, text)
		}
		for _, address := range n.OtherAddresses {
			list = append(list, address.String()+" on an interface that is unknown")
		}
		lines = append(lines, linesAbout("network", bound(list))...)
	}
	var ports []string
	for i := range a.Ports {
		ports = append(ports, a.Ports[i].String())
	}
	return append(lines, linesAbout("ports", bound(ports))...)
}

// namespaceWords describes who shares a namespace of the container called self.
func namespaceWords(n *anatomy.Namespace, self string, zone *time.Location) string {
	if n == nil {
		return "unknown"
	}
	words := "its own"
	switch with := strings.Join(bound(n.SharedWith), ", "); {
	case n.SharedWithHost == nil:
		words = "whose is unknown"
	case *n.SharedWithHost:
		words = "the host's"
	case with != "":
		words = "shared with " + with
	}
	switch {
	case n.Abandoned != nil:
		words += "; " + abandonedWords(n.Abandoned, zone)
	case n.MadeFor == "" && n.Oldest == "":
	case n.MadeFor == self:
		words += "; made for this one"
	case n.MadeFor != "":
		words += "; made for " + n.MadeFor
		if !slices.Contains(n.SharedWith, n.MadeFor) {
			words += ", which is not in it"
		}
	case n.Oldest == self:
		words += "; this one is the oldest"
	case n.Oldest != "":
		words += "; " + n.Oldest + " is the oldest"
	}
	return fmt.Sprintf("%s (%d)", words, n.ID)
}

// abandonedWords describes what became of the container that a namespace was made for.
func abandonedWords(a *model.Abandoned, zone *time.Location) string {
	at := ""
	if !a.Since.IsZero() {
		at = a.Since.In(zone).Format(toTheSecond)
	}
	switch {
	case a.Ended && at == "":
		return "a dead one: made for " + a.By + ", which has ended"
	case a.Ended:
		return "a dead one: made for " + a.By + ", which ended at " + at
	case at == "":
		return "a dead one: made for " + a.By + ", which has another one"
	}
	return "a dead one: made for " + a.By + ", which has had another one since " + at
}

// idMapWords describes the identity of the container's users outside.
func idMapWords(a *anatomy.Anatomy) string {
	if a.UIDMap == nil {
		return ""
	}
	outside, mapped := nsfs.OutsideID(a.UIDMap, 0)
	n := a.Namespaces[event.User]
	hosts := n != nil && n.SharedWithHost != nil && *n.SharedWithHost
	words := fmt.Sprintf("root inside is uid %d outside", outside)
	switch {
	case hosts:
		return "the host's: root inside is root outside"
	case !mapped:
		words = "root inside is nobody outside"
	}
	for _, list := range []struct {
		name   string
		ranges []nsfs.IDRange
	}{{"uids", a.UIDMap}, {"gids", a.GIDMap}} {
		var ranges []string
		for _, r := range list.ranges {
			if r.Count == 0 {
				continue
			}
			ranges = append(ranges, fmt.Sprintf("%s are %s", span(r.Inside, r.Count), span(r.Outside, r.Count)))
		}
		if len(ranges) > 0 {
			words += "; " + list.name + " " + strings.Join(bound(ranges), ", ")
		}
	}
	return words
}

func span(from, count uint32) string {
	if count == 1 {
		return fmt.Sprint(from)
	}
	return fmt.Sprintf("%d-%d", from, uint64(from)+uint64(count)-1)
}

// processWords shows a process's PIDs from the outside in.
func processWords(p *anatomy.Process) string {
	var b strings.Builder
	fmt.Fprintf(&b, "host PID %d", p.PID)
	for i, pid := range p.PIDs {
		switch {
		case i == 0: // the host's
		case i == len(p.PIDs)-1:
			fmt.Fprintf(&b, " is PID %d inside", pid)
		default:
			fmt.Fprintf(&b, " is PID %d one level in", pid)
		}
	}
	fmt.Fprintf(&b, ": %s, uid %d", p.Comm, p.UID)
	return b.String()
}

// uses returns the section of all that it uses and may use.
func (t *anatomyText) uses() {
	t.section("What it may use")
	var r resources.Resources // of which nothing is known
	if t.a.Resources != nil {
		r = *t.a.Resources
	}
	if u := t.a.Unheld; u != nil {
		t.line("not held", "its "+firstProcess(isNotPID1(t.a))+" is in "+cmp.Or(u.Cgroup, "a cgroup that is unknown")+", so that what its own cgroup limits does not hold it")
	}
	if in := t.a.SharedCgroup; in != "" {
		t.line("cgroup", "none of its own, and so no limits of its own; its PID 1 is in "+in)
	}
	if p := t.a.Paused; p != nil {
		words := "since " + p.Since.In(t.zone).Format(toTheSecond)
		if p.By != nil {
			words += fmt.Sprintf(", by %s (PID %s)", cmp.Or(p.By.Comm, "?"), orUnknown(p.By.PID != 0, p.By.PID))
		}
		t.line("paused", words+"; the freezer stops its processes")
	}
	if s := t.a.Stuck; s != nil {
		t.line("stuck", "at the limit of "+story.ShortPath(s.Cgroup)+"; the OOM killer is off for it, so its processes wait for memory")
	}
	lines := resourceLines(r)
	if pss := t.a.PSSBytes; pss != nil {
		lines[0].Words = pssWords(*pss)
	}
	t.list(lines)
}

func (t *anatomyText) madeOf() {
	t.section("What it is made of")
	if r := t.a.Root; r != nil {
		t.line("root", r.Type+", "+writability(r.ReadOnly))
		t.lines("layers", bound(layerWords(r)))
		if r.Upper != "" {
			t.line("changes in", r.Upper)
		}
		if w := r.Written; w != nil {
			t.line("written", writtenWords(w))
		}
	}
	t.lines("mounts", mountWords(t.a, maxListed))
	if devices := deviceWords(t.a); len(devices) > 0 {
		t.line("devices", strings.Join(bound(devices), ", "))
	}
}

// mountWords describes the mounts beside the root file system, at most most of them.
func mountWords(a *anatomy.Anatomy, most int) []string {
	quiet, covered := 0, 0
	var list, kinds []string
	paths := map[string][]string{} // by kind
	for i := range a.Mounts {
		m := &a.Mounts[i]
		switch {
		case m.Kind == anatomy.KindRoot:
			continue
		case m.Covered:
			covered++
			continue
		case m.Kind == anatomy.KindKernel, m.Kind == anatomy.KindMask:
			quiet++
			continue
		}
		words := kindWords(m) + ", " + writability(m.ReadOnly)
		if paths[words] == nil {
			kinds = append(kinds, words)
		}
		paths[words] = append(paths[words], m.Path)
	}
	for _, words := range kinds {
		list = append(list, mountLines(paths[words], words)...)
	}
	list = boundTo(list, most)
	if quiet > 0 {
		list = append(list, fmt.Sprintf("and %d views of the kernel, or masks over them", quiet))
	}
	if covered > 0 {
		list = append(list, fmt.Sprintf("and %d hidden below other mounts", covered))
	}
	return list
}

func deviceWords(a *anatomy.Anatomy) []string {
	var devices []string
	for _, d := range a.Devices {
		kind := "character"
		if d.Block {
			kind = "block"
		}
		devices = append(devices, fmt.Sprintf("%s (%s %d:%d)", d.Path, kind, d.Major, d.Minor))
	}
	return devices
}

func layerWords(r *anatomy.Root) []string {
	list := make([]string, 0, len(r.Lower))
	for i, layer := range r.Lower {
		switch i {
		case 0:
			layer += ", the topmost"
		case len(r.Lower) - 1:
			layer += ", the lowest"
		}
		if i < len(r.Layers) {
			l := &r.Layers[i]
			if l.Size != nil {
				layer += ": " + writtenWords(l.Size)
			}
			if l.DiffID != "" {
				layer += "; the image's " + shortDigest(l.DiffID)
			}
			if l.CreatedBy != "" {
				layer += ", made by " + l.CreatedBy
			}
		}
		list = append(list, layer)
	}
	return list
}

// shortDigest returns a digest as short as a short id.
func shortDigest(digest string) string {
	algorithm, hex, found := strings.Cut(digest, ":")
	if !found {
		return digest
	}
	return algorithm + ":" + event.ShortID(hex)
}

func writability(readOnly bool) string {
	if readOnly {
		return "read-only"
	}
	return "writable"
}

// maxAlike is how many mounts of the same have a line each.
const maxAlike = 3

// mountLines returns lines about mounts of the same at some paths: firejail covers many paths with the same empty file.
func mountLines(paths []string, words string) []string {
	if len(paths) > maxAlike {
		return []string{fmt.Sprintf("%s and %d more: %s", strings.Join(paths[:maxAlike], ", "), len(paths)-maxAlike, words)}
	}
	lines := make([]string, len(paths))
	for i, path := range paths {
		lines[i] = path + ": " + words
	}
	return lines
}

func kindWords(m *anatomy.Mount) string {
	from := ""
	if m.Source != "" {
		from = " from " + m.Source
	}
	switch m.Kind {
	case anatomy.KindVolume:
		return "volume" + from
	case anatomy.KindBind:
		return "bind mount" + from
	case anatomy.KindEngine:
		return "made by the engine"
	case anatomy.KindTmpfs:
		return "tmpfs"
	}
	return m.Type + from
}

func writtenWords(w *anatomy.Written) string {
	words := fmt.Sprintf("%s in %s", story.Bytes(w.Bytes), story.Count(uint64(w.Files), "file", "files"))
	if w.Deleted > 0 {
		words += fmt.Sprintf("; %s of the layers below deleted", story.Count(uint64(w.Deleted), "name", "names"))
	}
	if w.Stopped != "" {
		words = "at least " + words + "; the count stopped since " + w.Stopped
	}
	return words
}

func (t *anatomyText) mayDo() {
	if t.a.Privileges == nil {
		return
	}
	t.section("What it may do")
	t.list(privilegeLines(t.a.Privileges))
}

// privilegeLines describes what PID 1 may do.
func privilegeLines(p *anatomy.Privileges) []Line {
	var lines []Line
	add := func(subject, words string) { lines = append(lines, Line{subject, words}) }
	if p.UID != nil {
		add("user", fmt.Sprintf("uid %d, as the host counts", *p.UID))
	}
	for _, set := range []struct {
		word string
		caps []string
	}{{"bounding", p.Capabilities.Bounding}, {"effective", p.Capabilities.Effective}, {"ambient", p.Capabilities.Ambient}} {
		switch {
		case set.caps == nil:
			add(set.word, unknownWords)
		case len(set.caps) == 0:
			add(set.word, "no capability")
		default:
			add(set.word, strings.ReplaceAll(strings.Join(set.caps, " "), "cap_", ""))
		}
	}
	seccomp := p.Seccomp
	switch {
	case seccomp == "":
		seccomp = unknownWords
	case p.SeccompFilters != nil && *p.SeccompFilters > 0:
		seccomp = story.Count(uint64(*p.SeccompFilters), "filter", "filters")
	}
	add("seccomp", seccomp)
	if p.NoNewPrivs != nil {
		words := "off: setuid programs work"
		if *p.NoNewPrivs {
			words = "on"
		}
		add("no_new_privs", words)
	}
	if p.LSM != nil {
		add("profile", cmp.Or(*p.LSM, "no security module is at work"))
	}
	return lines
}

func (t *anatomyText) findings() {
	t.section("Holes in its walls")
	if len(t.a.Findings) == 0 {
		t.line("", "none found")
	}
	for i := range t.a.Findings {
		f := &t.a.Findings[i]
		fmt.Fprintf(t, "  %-8s %s [%s]\n", strings.ToUpper(f.Severity.String()), foreign.Prose(f.Title), f.ID)
		for _, detail := range f.Details {
			fmt.Fprintf(t, "             %s\n", foreign.Prose(detail))
		}
		fmt.Fprintf(t, "           %s\n           see:   %s\n           close: %s\n", foreign.Prose(f.Meaning), foreign.Prose(f.See), foreign.Prose(f.Close))
	}
}
