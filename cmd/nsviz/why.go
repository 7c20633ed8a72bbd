package main

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/story"
)

func newWhy(s *streams, _ *options) *cobra.Command {
	var form string
	var from source
	var whole bool
	cmd := &cobra.Command{
		Use: "why NAME|ID|NAMESPACE|CGROUP", GroupID: groupOnce, Args: arguments("NAME|ID|NAMESPACE|CGROUP"),
		Short: "Tell how a container ended, and who did it",
		Long: `Tells how a container ended and who did it: the kernel's OOM killer and whose memory had run out, a
daemon such as systemd-oomd or earlyoom, docker kill or the second step of docker stop, a process
inside or a process outside. Of a container that lives it tells what was killed in it. Below that
stands what happened last: what was changed, who came from outside, what was killed; with --history
all that is kept, from the making of its cgroup on.

Of a namespace, named as in /proc/PID/ns, it tells who made it, who joined it, and how it ended; of a
cgroup, a container's or any other, who made it, who moved processes into it, who changed its limits and
what was killed because of it.

What nobody watched nobody knows: the answer comes from an nsviz that is running (the dashboard or
nsviz serve) or from a recording. It needs no root.`,
		Example: `  nsviz why web
  nsviz why web --history
  nsviz why web --recording FILE
  nsviz why net:4026532184
  nsviz why cgroup:/system.slice
  nsviz why 7edab7c9fba3 -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			if namespace, ok := story.ParseNamespaceName(name); ok {
				return tell(cmd, s.out, &from, form, url.Values{"namespace": {namespace.String()}},
					func(s *isolation.Snapshot) (story.NamespaceAnswer, error) { return story.WhyNamespace(s, namespace) },
					func(a story.NamespaceAnswer) string { return a.Sentence },
					func(a story.NamespaceAnswer) error {
						return writeStory(s.out, a.Text(), a.History, story.NamespaceMoment, s.zone)
					})
			}
			if cgroup, ok := story.ParseCgroupName(name); ok {
				return tell(cmd, s.out, &from, form, url.Values{"cgroup": {cgroup}},
					func(s *isolation.Snapshot) (story.CgroupAnswer, error) { return story.WhyCgroup(s, cgroup) },
					func(a story.CgroupAnswer) string { return a.Sentence },
					func(a story.CgroupAnswer) error {
						return writeStory(s.out, a.Text(), a.History, story.CgroupMoment, s.zone)
					})
			}
			if story.IsName(name) {
				return errUsage{fmt.Errorf("%q: a namespace is named as in net:4026532184, a cgroup as in cgroup:/system.slice", name)}
			}
			return tell(cmd, s.out, &from, form, url.Values{"container": {name}},
				func(s *isolation.Snapshot) (a story.Answer, err error) {
					c, err := story.Find(s, name)
					if err != nil {
						return a, err
					}
					return story.Why(c, s), nil
				},
				func(a story.Answer) string { return a.Sentence },
				func(a story.Answer) error { return writeAnswer(s.out, &a, whole, s.zone) })
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&whole, "history", false, "tell all that is kept of what happened to it")
	outputFlag(cmd, &form, "text", "json")
	return cmd
}

// tell asks why and writes the answer, by write or as JSON.
func tell[A any](
	cmd *cobra.Command, out io.Writer, from *source, form string, query url.Values,
	of func(*isolation.Snapshot) (A, error), sentence func(A) string, write func(A) error,
) error {
	return ask(cmd, from, server.WhyPath, query, of, sentence, func(a A) error {
		if form == "json" {
			return writeJSON(out, a)
		}
		return write(a)
	})
}

// writeAnswer writes the answer on the first line, and what happened below it.
func writeAnswer(out io.Writer, a *story.Answer, whole bool, zone *time.Location) error {
	var b strings.Builder
	fmt.Fprintln(&b, answerWords(a.Text, a.Sentence).For(zone))
	moments, rest := a.History, 0
	if !whole {
		moments, rest = story.Brief(moments)
	}
	if len(moments) > 0 {
		fmt.Fprintln(&b)
		writeMoments(&b, moments, wordsFor(a.Container, a.State), zone)
	}
	switch {
	case rest == 1:
		fmt.Fprintln(&b, "  and 1 thing more: --history tells it")
	case rest > 1:
		fmt.Fprintf(&b, "  and %d things more: --history tells them\n", rest)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// answerWords are the words of an answer. An nsviz of an earlier version answers with the sentence alone.
func answerWords(words story.Text, sentence string) story.Text {
	if len(words) == 0 {
		return story.Text{{Text: sentence}}
	}
	return words
}

// writeStory writes a sentence, and what happened below it.
func writeStory(
	out io.Writer, answer story.Text, moments []isolation.Moment, words func(*isolation.Moment) story.Text, zone *time.Location,
) error {
	var b strings.Builder
	fmt.Fprintln(&b, answer.For(zone))
	if len(moments) > 0 {
		fmt.Fprintln(&b)
		writeMoments(&b, moments, words, zone)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// wordsFor words the moments of a container of which an answer tells.
func wordsFor(c event.Container, state isolation.ContainerState) func(*isolation.Moment) story.Text {
	of := &isolation.Container{ID: c.ID, Label: cmp.Or(c.Name, event.ShortID(c.ID)), Runtime: c.Runtime, State: state}
	return func(m *isolation.Moment) story.Text { return story.Moment(m, of) }
}

// writeMoments writes a line for each moment. Whatever comes from outside is made safe.
func writeMoments(b *strings.Builder, moments []isolation.Moment, words func(*isolation.Moment) story.Text, zone *time.Location) {
	for i := range moments {
		m := &moments[i]
		if m.LeftOut > 0 {
			fmt.Fprintf(b, "  (%d things in between are not kept)\n", m.LeftOut)
		}
		fmt.Fprintf(b, "  %s  %s\n", m.Time.In(zone).Format("2006-01-02 15:04:05.000"), words(m).For(zone))
	}
}
