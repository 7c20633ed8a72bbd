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
	"github.com/nsviz/nsviz/internal/metrics"
	"github.com/nsviz/nsviz/internal/story"
	"github.com/nsviz/nsviz/internal/ui"
)

func newWhy(s *streams, _ *options) *cobra.Command {
	var form string
	var from source
	var whole bool
	cmd := &cobra.Command{
		Use: "why NAME|ID|NAMESPACE|CGROUP", GroupID: groupOnce, Args: arguments("NAME|ID"),
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
			if name, ok := story.ParseNamespaceName(args[0]); ok {
				of := func(s *isolation.Snapshot) (story.NamespaceAnswer, error) { return story.WhyNamespace(s, name) }
				return ask(cmd, &from, metrics.WhyPath, url.Values{"namespace": {name.String()}}, of,
					func(a story.NamespaceAnswer) string { return a.Sentence },
					func(a story.NamespaceAnswer) error {
						if form == "json" {
							return writeJSON(s.out, a)
						}
						return writeStory(s.out, a.Sentence, a.History, story.NamespaceMoment)
					})
			}
			if cgroup, ok := story.ParseCgroupName(args[0]); ok {
				of := func(s *isolation.Snapshot) (story.CgroupAnswer, error) { return story.WhyCgroup(s, cgroup) }
				return ask(cmd, &from, metrics.WhyPath, url.Values{"cgroup": {cgroup}}, of,
					func(a story.CgroupAnswer) string { return a.Sentence },
					func(a story.CgroupAnswer) error {
						if form == "json" {
							return writeJSON(s.out, a)
						}
						return writeStory(s.out, a.Sentence, a.History, story.CgroupMoment)
					})
			}
			of := func(s *isolation.Snapshot) (a story.Answer, err error) {
				c, err := story.Find(s, args[0])
				if err != nil {
					return a, err
				}
				return story.Why(c, s), nil
			}
			return ask(cmd, &from, metrics.WhyPath, url.Values{"container": {args[0]}}, of,
				func(a story.Answer) string { return a.Sentence },
				func(a story.Answer) error {
					if form == "json" {
						return writeJSON(s.out, a)
					}
					return writeAnswer(s.out, &a, whole)
				})
		},
	}
	from.flags(cmd)
	cmd.Flags().BoolVar(&whole, "history", false, "tell all that is kept of what happened to it")
	outputFlag(cmd, &form, "text", "json")
	return cmd
}

// writeAnswer writes the answer on the first line, and what happened below it.
func writeAnswer(out io.Writer, a *story.Answer, whole bool) error {
	var b strings.Builder
	fmt.Fprintln(&b, ui.Clean(a.Sentence))
	moments, rest := a.History, 0
	if !whole {
		moments, rest = story.Brief(moments)
	}
	if len(moments) > 0 {
		fmt.Fprintln(&b)
		writeMoments(&b, moments, wordsFor(a.Container, a.State))
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

// writeStory writes a sentence, and what happened below it.
func writeStory(out io.Writer, sentence string, moments []isolation.Moment, words func(*isolation.Moment) story.Text) error {
	var b strings.Builder
	fmt.Fprintln(&b, ui.Clean(sentence))
	if len(moments) > 0 {
		fmt.Fprintln(&b)
		writeMoments(&b, moments, words)
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
func writeMoments(b *strings.Builder, moments []isolation.Moment, words func(*isolation.Moment) story.Text) {
	for i := range moments {
		m := &moments[i]
		if m.LeftOut > 0 {
			fmt.Fprintf(b, "  (%d things in between are not kept)\n", m.LeftOut)
		}
		fmt.Fprintf(b, "  %s  %s\n", m.Time.In(time.Local).Format("2006-01-02 15:04:05.000"), ui.Clean(words(m).String()))
	}
}
