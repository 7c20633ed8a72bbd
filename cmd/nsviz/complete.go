package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/client"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/story"
)

// completionPatience is how long a shell waits for names. Who has not answered by then is not waited for.
const completionPatience = 300 * time.Millisecond

// maxDescription limits the columns of a description in a shell's list.
const maxDescription = 60

// completions collects what an argument may be, each once, with a description.
type completions struct {
	begun string // what is typed already
	list  []string
	seen  map[string]bool
}

// add adds a word if it begins as typed. One that a shell or a terminal would not take as it is is left out.
func (c *completions) add(word, description string) {
	if word == "" || !strings.HasPrefix(word, c.begun) || c.seen[word] || foreign.Clean(word) != word || strings.ContainsAny(word, " \t") {
		return
	}
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	c.seen[word] = true
	c.list = append(c.list, cobra.CompletionWithDesc(word, foreign.Cut(foreign.Clean(description), maxDescription)))
}

// workloads adds the names of workloads and of their groups.
func (c *completions) workloads(list []report.Workload) {
	members := map[string]int{}
	kinds := map[string]event.GroupKind{}
	for i := range list {
		w := &list[i]
		if w.VM != nil {
			continue
		}
		c.add(w.Label(), strings.TrimSpace(w.Image+" "+w.Status))
		if g := w.Group.Path(); g != "" {
			members[g]++
			kinds[g] = w.Group.Kind
		}
	}
	for g, n := range members {
		kind := string(kinds[g])
		if kinds[g] == event.GroupCompose {
			kind = "compose project"
		}
		c.add(g, fmt.Sprintf("%s of %s", kind, story.Count(uint64(n), "container", "containers")))
	}
	slices.Sort(c.list)
}

// namespaces adds the numbers of the namespaces of workloads, as `nsviz why` takes them, with who is in them.
func (c *completions) namespaces(list []report.Workload) {
	members := map[string][]string{}
	for i := range list {
		for t, m := range list[i].Namespaces {
			name := fmt.Sprintf("%s:%d", t, m.ID)
			members[name] = append(members[name], list[i].Label())
		}
	}
	for name, in := range members {
		slices.Sort(in)
		c.add(name, "of "+strings.Join(slices.Compact(in), ", "))
	}
	slices.Sort(c.list)
}

// completeNames completes the first argument with the names of containers and groups and, where there can be some, with the
// numbers of namespaces.
func (o *options) completeNames(from *source, numbers bool) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		c := completions{begun: begun}
		list := o.knownWorkloads(cmd, from)
		c.workloads(list)
		if !numbers {
			return c.list, cobra.ShellCompDirectiveNoFileComp
		}
		if strings.Contains(begun, ":") {
			c.namespaces(list)
			return c.list, cobra.ShellCompDirectiveNoFileComp
		}
		if len(c.list) > 0 || begun == "" {
			return c.list, cobra.ShellCompDirectiveNoFileComp
		}
		for _, t := range event.NamespaceTypes() {
			c.add(t.String()+":", "a namespace of this type")
		}
		return c.list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// completeKinds completes a list of kinds of workloads.
func completeKinds(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	before := begun[:strings.LastIndexByte(begun, ',')+1]
	listed := strings.Split(before, ",")
	c := completions{begun: begun}
	for _, kind := range query.Kinds() {
		if !slices.Contains(listed, kind) {
			c.add(before+kind, "")
		}
	}
	return c.list, cobra.ShellCompDirectiveNoFileComp
}

// knownWorkloads returns what a recording or a running nsviz knows or, if none answers in time and none is named, what the engine has.
func (o *options) knownWorkloads(cmd *cobra.Command, from *source) []report.Workload {
	if from.check(cmd) != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionPatience)
	defer cancel()
	asked, listed := make(chan []report.Workload, 1), make(chan []report.Workload, 1)
	go func() { // a recording may take longer
		l, _ := client.Ask(ctx, from.Source, client.Workloads())
		asked <- l.Complete()
	}()
	go func() { listed <- o.engineNames(ctx) }()
	select {
	case list := <-asked:
		if list != nil || named(cmd) {
			return list
		}
	case <-ctx.Done():
		if named(cmd) {
			return nil
		}
	}
	select {
	case list := <-listed:
		return list
	case <-ctx.Done():
		select {
		case list := <-listed:
			return list
		default:
			return nil
		}
	}
}

// engineNames returns the containers that the engines, and the files of those that do not answer, name before ctx is done.
func (o *options) engineNames(ctx context.Context) []report.Workload {
	log := slog.New(slog.DiscardHandler)
	chosen, find, err := o.engines(log)
	if err != nil {
		return nil
	}
	if chosen, find, err = o.withFiles(log, chosen, find); err != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var named identities
	all := append(chosen, find()...)
	for _, e := range all {
		go func() { _ = e.Run(ctx, &named) }()
	}
	for _, e := range all {
		select {
		case <-e.Synced():
		case <-ctx.Done():
		}
	}
	return named.workloads()
}

// identities is an engine.Sink that keeps who the containers are.
type identities struct {
	mu   sync.Mutex
	list []report.Workload
}

func (n *identities) Identify(c container.Identity) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, report.Workload{ID: c.ID, Name: c.Name, Image: c.Image, Runtime: c.Runtime, Group: c.Group})
}

func (*identities) Ended(fact.EngineReport) {}
func (*identities) Did(fact.EngineEvent)    {}
func (*identities) Lost(uint64)             {}
func (*identities) EngineState(fact.Engine) {}

func (n *identities) workloads() []report.Workload {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}
