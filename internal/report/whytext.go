package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// WriteText writes the answer for people on the first line and the latest events below it, or all kept events if complete is
// set, with times in a zone.
func (a *ContainerAnswer) WriteText(out io.Writer, complete bool, zone *time.Location) error {
	var b strings.Builder
	fmt.Fprintln(&b, sentenceOr(a.Text, a.Sentence).For(zone))
	entries, left := a.History, 0
	if !complete {
		entries, left = story.Brief(entries)
	}
	if len(entries) > 0 {
		fmt.Fprintln(&b)
		writeEntries(&b, entries, wordsFor(a.Container, a.State), zone)
	}
	switch {
	case left == 1:
		fmt.Fprintln(&b, "  and 1 thing more: --history shows it")
	case left > 1:
		fmt.Fprintf(&b, "  and %d things more: --history shows them\n", left)
	}
	if n := len(a.Kills); n > 0 && a.Kills[n-1].OOM != nil && a.Kills[n-1].OOM.ID != "" {
		fmt.Fprintf(&b, "  nsviz why %s explains the latest OOM kill in it\n", foreign.Prose(a.Kills[n-1].OOM.ID))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// sentenceOr returns words, or the sentence if an earlier version of nsviz answered without words.
func sentenceOr(words story.Text, sentence string) story.Text {
	if len(words) == 0 {
		return story.Text{{Text: sentence}}
	}
	return words
}

// writeAnswer writes a sentence and the history below it.
func writeAnswer(
	out io.Writer, answer story.Text, entries []model.Entry, words func(*model.Entry) story.Text, zone *time.Location,
) error {
	var b strings.Builder
	fmt.Fprintln(&b, answer.For(zone))
	if len(entries) > 0 {
		fmt.Fprintln(&b)
		writeEntries(&b, entries, words, zone)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// wordsFor returns a function that describes the entries of a container's history.
func wordsFor(c event.Container, state model.ContainerState) func(*model.Entry) story.Text {
	of := &model.Container{ID: c.ID, Label: label(c), Runtime: c.Runtime, State: state}
	return func(m *model.Entry) story.Text { return story.Entry(m, of) }
}

// writeEntries writes a line for each entry, with foreign text escaped.
func writeEntries(b *strings.Builder, entries []model.Entry, words func(*model.Entry) story.Text, zone *time.Location) {
	for i := range entries {
		m := &entries[i]
		if m.LeftOut > 0 {
			fmt.Fprintf(b, "  (%d things in between are not kept)\n", m.LeftOut)
		}
		fmt.Fprintf(b, "  %s  %s\n", m.Time.In(zone).Format("2006-01-02 15:04:05.000"), words(m).For(zone))
	}
}
