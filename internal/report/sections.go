package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/story"
)

// maxListed limits the lines of a list; JSON has all.
const maxListed = 40

// toTheSecond is the layout of times that need not be compared with others.
const toTheSecond = "2006-01-02 15:04:05"

// sections is a text about one container, in sections. It makes text from outside safe.
type sections struct {
	strings.Builder

	zone *time.Location
}

// title writes the container's name and further remarks.
func (t *sections) title(c event.Container, more ...string) {
	words := []string{foreign.Name(label(c)), "id " + event.ShortID(c.ID)}
	if c.Image != "" {
		words = append(words, "image "+foreign.Name(c.Image))
	}
	if c.Runtime != "" {
		words = append(words, c.Runtime)
	}
	if c.Kind == event.KindSandbox || c.Kind == event.KindService {
		words = append(words, string(c.Kind))
	}
	if member := story.Membership(c); member != "" {
		words = append(words, member)
	}
	fmt.Fprintln(t, foreign.Prose(strings.Join(append(words, more...), ", ")))
}

// pid1 writes which process is or was its PID 1, or its first process if another one is PID 1 there (shared); pid 0 is unknown.
func (t *sections) pid1(verb string, shared bool, pid int32, comm string, started time.Time) {
	if pid == 0 {
		return
	}
	who := firstProcess(shared)
	if shared {
		who = "its " + who
	}
	text := fmt.Sprintf("%s %s %s, on the host process %d", who, verb, comm, pid)
	if !started.IsZero() {
		text += ", started " + started.In(t.zone).Format(toTheSecond)
	}
	fmt.Fprintln(t, foreign.Prose(text))
}

// firstProcess names the first process of a container, which is PID 1 unless the PID namespace is another one's.
func firstProcess(shared bool) string {
	if shared {
		return "first process"
	}
	return "PID 1"
}

func (t *sections) section(title string) { fmt.Fprintf(t, "\n%s\n", title) }

// line writes a value after its title.
func (t *sections) line(word, text string) {
	if word == "" {
		fmt.Fprintf(t, "  %s\n", foreign.Prose(text))
		return
	}
	fmt.Fprintf(t, "  %-11s %s\n", word, foreign.Prose(text))
}

// Line is a line about a subject. A line without a subject continues the one before.
type Line struct{ Subject, Words string }

// linesAbout returns a list as lines about one subject.
func linesAbout(subject string, list []string) []Line {
	lines := make([]Line, len(list))
	for i, words := range list {
		lines[i] = Line{subject, words}
		subject = ""
	}
	return lines
}

// list writes lines about several subjects.
func (t *sections) list(lines []Line) {
	for _, l := range lines {
		t.line(cmp.Or(l.Subject, " "), l.Words) // a space: the same column
	}
}

// lines writes a list after its title.
func (t *sections) lines(word string, list []string) { t.list(linesAbout(word, list)) }

// bound cuts a list to maxListed lines and adds how many are left out.
func bound(list []string) []string { return boundTo(list, maxListed) }

// boundTo cuts a list to most lines and adds how many are left out.
func boundTo(list []string, most int) []string {
	if len(list) <= most {
		return list
	}
	return append(slices.Clone(list[:most]), fmt.Sprintf("and %d more; -o json has them all", len(list)-most))
}

// label returns a container's name, or else its short id.
func label(c event.Container) string { return cmp.Or(c.Name, event.ShortID(c.ID)) }
