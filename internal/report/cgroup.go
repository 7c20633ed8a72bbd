package report

import (
	"io"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// CgroupAnswer is what `nsviz why cgroup:PATH -o json` prints, described in docs/EVENTS.md.
type CgroupAnswer struct {
	Path string `json:"path"`
	// Container is the one that the cgroup belongs to.
	Container *event.Container   `json:"container,omitempty"`
	Created   time.Time          `json:"created,omitzero"`
	Creator   *event.Process     `json:"creator,omitempty"`
	Removed   time.Time          `json:"removed,omitzero"`
	Limits    *fact.CgroupLimits `json:"limits,omitempty"`
	OOMKills  uint64             `json:"oom_kills"`
	// Earlier is the number of known earlier cgroups at the same path.
	Earlier  int           `json:"earlier,omitempty"`
	Sentence string        `json:"sentence"`
	History  []model.Entry `json:"history"`
}

// NoCgroupError reports that no cgroup is known at a path.
type NoCgroupError struct{ Path string }

func (e *NoCgroupError) Error() string {
	return "nothing is known of a cgroup " + e.Path + "; paths are as in /proc/PID/cgroup, of the hierarchy with the memory controller"
}

// WhyCgroup describes what became of the cgroup at a path. If several had the path one after the other, it is the one that
// exists, or else the one that was removed last. It fails with NoCgroupError.
func WhyCgroup(s *model.Snapshot, at string) (CgroupAnswer, error) {
	var found *model.Cgroup
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
		a.History = []model.Entry{}
	}
	a.Sentence = a.words().String()
	return a, nil
}

// words returns the sentence; its times and names are separate pieces.
func (a *CgroupAnswer) words() story.Text {
	g := model.Cgroup{
		Path: a.Path, Container: a.Container, Created: a.Created, Creator: a.Creator, Removed: a.Removed, OOMKills: a.OOMKills, History: a.History,
	}
	if a.Limits != nil {
		g.Limits = *a.Limits
	}
	return story.Cgroup(&g, a.Earlier)
}

// WriteText writes the answer for people on the first line, and the history below it, with times in a zone.
func (a *CgroupAnswer) WriteText(out io.Writer, zone *time.Location) error {
	return writeAnswer(out, a.words(), a.History, story.CgroupEntry, zone)
}
