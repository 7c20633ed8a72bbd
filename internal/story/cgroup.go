package story

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/isolation"
)

// CgroupAnswer is what `nsviz why cgroup:PATH -o json` prints, described in docs/EVENTS.md.
type CgroupAnswer struct {
	Path string `json:"path"`
	// Container is the one whose own cgroup it is or below whose cgroup it is.
	Container *event.Container   `json:"container,omitempty"`
	Created   time.Time          `json:"created,omitzero"`
	Creator   *event.Process     `json:"creator,omitempty"`
	Removed   time.Time          `json:"removed,omitzero"`
	Limits    *fact.CgroupLimits `json:"limits,omitempty"`
	OOMKills  uint64             `json:"oom_kills"`
	// Earlier is how many cgroups are known that had the path before.
	Earlier  int                `json:"earlier,omitempty"`
	Sentence string             `json:"sentence"`
	History  []isolation.Moment `json:"history"`
}

const cgroupPrefix = "cgroup:"

// CgroupName is the name of the cgroup at a path.
func CgroupName(path string) string { return cgroupPrefix + path }

// IsName reports whether a name is one of a cgroup or of a namespace, even where it is not written as it should be: no
// container can be called so.
func IsName(name string) bool {
	kind, _, found := strings.Cut(name, ":")
	_, err := event.ParseNamespaceType(kind)
	return found && err == nil // cgroup is a type of namespace, too
}

// ParseCgroupName reads cgroup:/path, with the path that the hierarchy with the memory controller has the cgroup
// at. It reports false for anything else; no container and no namespace can be called so.
func ParseCgroupName(name string) (cgroup string, ok bool) {
	cgroup, ok = strings.CutPrefix(name, cgroupPrefix)
	if !ok || !strings.HasPrefix(cgroup, "/") {
		return "", false
	}
	return path.Clean(cgroup), true
}

// NoCgroupError is that no cgroup is known at a path.
type NoCgroupError struct{ Path string }

func (e *NoCgroupError) Error() string {
	return "nothing is known of a cgroup " + e.Path + "; paths are as in /proc/PID/cgroup, of the hierarchy with the memory controller"
}

// WhyCgroup tells what became of the cgroup at a path: of several that were there one after the other the one that is
// there, or the one that was removed last. It fails with NoCgroupError.
func WhyCgroup(s *isolation.Snapshot, at string) (CgroupAnswer, error) {
	var found *isolation.Cgroup
	earlier := 0
	for i := range s.Cgroups {
		switch g := &s.Cgroups[i]; {
		case g.Path != at:
		case found == nil:
			found = g
		default:
			earlier++
		}
	}
	if found == nil {
		return CgroupAnswer{}, &NoCgroupError{at}
	}
	a := CgroupAnswer{
		Path: found.Path, Container: found.Container, Created: found.Created, Creator: found.Creator, Removed: found.Removed,
		OOMKills: found.OOMKills, Earlier: earlier, History: found.History,
	}
	if found.Limits != (fact.CgroupLimits{}) {
		a.Limits = &found.Limits
	}
	if a.History == nil {
		a.History = []isolation.Moment{}
	}
	a.Sentence = a.Text().String()
	return a, nil
}

// Text words the answer.
func (a *CgroupAnswer) Text() Text {
	t := text(Number, a.Path)
	if a.Created.IsZero() {
		t = t.add(Plain, " was not seen being made.")
	} else {
		t = t.add(Plain, " was made by ").join(doer(a.Creator, "")).add(Plain, " at ").at(a.Created, fullTime).add(Plain, ".")
	}
	if a.Container != nil {
		t = t.sentence(text(Plain, "It belongs to ").add(Name, a.Container.Label()).add(Plain, "."))
	}
	limited := cgroupLimits(a.Limits)
	switch {
	case !a.Removed.IsZero():
		when := " at "
		if n := len(a.History); n > 0 && a.History[n-1].Kind == isolation.MomentGone { // when another one was made
			when = " before "
		}
		t = t.sentence(text(Plain, "It was ").add(Strong, "removed").add(Plain, when).at(a.Removed, fullTime).add(Plain, "."))
		if limited != "" {
			t = t.sentence(text(Plain, "It had "+limited+"."))
		}
	case limited != "":
		t = t.sentence(text(Plain, "It ").add(Strong, "is there").add(Plain, " and has "+limited+"."))
	default:
		t = t.sentence(text(Plain, "It ").add(Strong, "is there").add(Plain, "."))
	}
	if a.OOMKills > 0 {
		t = t.sentence(text(Plain, "The OOM killer took ").add(Strong, Count(a.OOMKills, "process", "processes")).
			add(Plain, " in it or because its limit was reached."))
	}
	if a.Earlier > 0 {
		t = t.sentence(text(Plain, fmt.Sprintf("Before it, %s had the same path.", Count(uint64(a.Earlier), "other one", "other ones"))))
	}
	return t
}

// cgroupLimits words the limits that are known; nil is none.
func cgroupLimits(known *fact.CgroupLimits) string {
	if known == nil {
		return ""
	}
	var set []string
	none := 0
	for _, r := range []fact.Resource{fact.ResourceMemory, fact.ResourceSwap, fact.ResourceCPU, fact.ResourcePIDs} {
		l := known.Of(r)
		switch {
		case l == nil:
		case l.Value == nil && r == fact.ResourceSwap: // whether there is such a limit depends on the host
		case l.Value == nil:
			none++
		default:
			words := "a limit of " + LimitWords(r, *l)
			if r == fact.ResourceMemory || r == fact.ResourceSwap {
				words += " of " + string(r)
			}
			set = append(set, words)
		}
	}
	switch {
	case len(set) > 0:
		return Listed(set)
	case none == 3:
		return "no limits of its own"
	}
	return ""
}

// CgroupMoment words one moment of a cgroup's history, without its time.
func CgroupMoment(m *isolation.Moment) Text {
	var t Text
	switch m.Kind {
	case isolation.MomentKind(event.CgroupCreated):
		t = doer(m.By, "").add(Plain, " made it")
	case isolation.MomentKind(event.CgroupRemoved):
		t = doer(m.By, "").add(Plain, " removed it")
	case isolation.MomentMovedIn:
		t = doer(m.By, "").add(Plain, " moved a process into it")
	case isolation.MomentGone:
		t = text(Plain, "it was gone, and another one was made; its end was not seen")
	default:
		// Whose process it was stands in the words of the kill itself.
		return Moment(m, &isolation.Container{})
	}
	return t.join(times(m))
}
