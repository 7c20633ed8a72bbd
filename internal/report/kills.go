package report

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Kill is one OOM kill, explained.
type Kill struct {
	// Ordinal is its number in its container, from 1; on the host it counts since nsviz started. 0 is unknown.
	Ordinal uint64 `json:"ordinal,omitempty"`
	// Survived is whether the container lived on; absent where that is unknown or the victim was in none.
	Survived *bool  `json:"survived,omitempty"`
	Sentence string `json:"sentence"`
	// Text is the sentence in pieces, for readers that write its times and names differently.
	Text  story.Text  `json:"text,omitempty"`
	Event event.Event `json:"event"`
}

// KillList is what a running nsviz answers with when it is asked for OOM kills, described in docs/API.md.
type KillList struct {
	// AsOf is the time of the snapshot.
	AsOf time.Time `json:"as_of"`
	// LeftOut counts those that nsviz does not keep any more, and those beyond a limit that was asked for.
	LeftOut uint64 `json:"left_out,omitempty"`
	// Kills are oldest first.
	Kills []Kill `json:"kills"`
}

// NewKillList explains some kills of a snapshot.
func NewKillList(s *model.Snapshot, kills []*model.Kill) KillList {
	l := KillList{AsOf: s.Time, LeftOut: s.LeftOut.Kills, Kills: make([]Kill, 0, len(kills))}
	for _, k := range kills {
		words := story.Kill(k, s)
		out := Kill{Ordinal: k.Ordinal, Survived: k.Survived, Sentence: words.String(), Text: words, Event: k.Event}
		if c := story.ContainerOf(s, story.VictimContainer(k)); c != nil {
			out.Survived = story.Survived(k, c)
		}
		l.Kills = append(l.Kills, out)
	}
	return l
}
