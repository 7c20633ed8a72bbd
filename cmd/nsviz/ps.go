package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/client"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/output"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/redraw"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/terminal"
)

func newPs(s *streams, o *options) *cobra.Command {
	f := &psFlags{}
	cmd := &cobra.Command{
		Use: "ps", GroupID: groupOnce, Args: f.interval,
		Short: "List containers, virtual machines and how they are isolated",
		Long: `Lists the containers in the order of their start, and after them the virtual machines. Seen from the host, each virtual
machine is one process with a kernel of its own, and nothing inside it is visible. In JSON they have "kind": "vm".

On a terminal the table fits the width: a narrow one shows namespaces as symbols, in the order mnt pid net ipc uts user
cgroup time (● its own, ○ the host's, a b shared with each other, ! a dead one, ? unknown), and leaves out what
matters least. With --no-trunc and in a pipe the table is complete.

The host does not know what has ended: --all asks an nsviz that is running (the dashboard or nsviz serve) or a recording.
--from and --recording without --all list what is live there. None of these needs root. The column RESTARTS has how
often a container was started again while that nsviz watched or, if that is more, how often its engine says that it has restarted it.
Without a running nsviz only the engine's count is known.

` + filterHelp(query.Workloads) + `
status=exited and status=created imply --all.

--format takes a template of Go, as docker ps does, with the fields Name, ID, Kind, State, Status, Restarts, PID, Started, Runtime,
Image, Group, Memory, Limit, OOM and Namespaces, and the functions json, join, split, lower and upper. "table" before it
adds titles and aligns what has \t between; json writes one object a line.`,
		Example: `  sudo nsviz ps
  nsviz ps --all --filter oom=true
  sudo nsviz ps --filter 'name~web && memory>64MiB && net=host'
  sudo nsviz ps --filter 'nginx || status=paused' --filter 'limit=unlimited'
  sudo nsviz ps --watch 5s
  nsviz ps --at 14:03:10
  sudo nsviz ps --format 'table {{.Name}}\t{{.Status}}\t{{.Namespaces.net}}'
  docker stop $(sudo nsviz ps --quiet --filter name=web)`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, s, o) },
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.all, "all", "a", false, "list also what has ended or never started, as a running nsviz or a recording knows it")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "write ids only")
	f.filters.flag(cmd, query.Workloads, "name~web && oom>0", completeFilter(query.Workloads, func(cmd *cobra.Command) []*report.Workload { return pointers(o.knownWorkloads(cmd, &f.source)) }))
	flags.StringVar(&f.template, "format", "", `write each by a template of Go, such as '{{.Name}}\t{{.Status}}'; "table" before it aligns, json is a line of JSON for each`)
	flags.BoolVar(&f.cells.NoTrunc, "no-trunc", false, "write ids and names in full length, and all columns")
	flags.StringSliceVar(&f.kinds, "kind", nil, "list only these kinds, with commas between them: "+strings.Join(query.Kinds(), ", ")+" (default: the first three, and others with OOM kills; JSON has all)")
	flags.VarP(newChecked(&f.every, 0, "interval", parseInterval), "watch", "w", "list again and again, every 2s or as often as said; q ends it")
	flags.Lookup("watch").NoOptDefVal = "2s"
	f.at.flag(cmd, s, "at", "list what there was at a time, as a running nsviz or a recording knows it: "+whenWords)
	f.source.flags(cmd)
	flags.Lookup("from").DefValue = "" // without it, or --all, /proc is read
	outputFlag(cmd, &f.form, "table", "json")
	_ = cmd.RegisterFlagCompletionFunc("kind", completeKinds)
	return cmd
}

// psFlags are the flags of nsviz ps.
type psFlags struct {
	source   source
	all      bool
	quiet    bool
	filters  filters[*report.Workload]
	kinds    []string
	template string
	every    time.Duration // 0 is once
	at       when          // "" is now
	cells    report.Cells
	form     string

	format *report.Format // nil is a table or JSON
}

// interval takes an argument as the interval of --watch, which a flag with an optional value leaves there.
func (f *psFlags) interval(cmd *cobra.Command, args []string) error {
	if len(args) != 1 || !cmd.Flags().Changed("watch") {
		return noArguments(cmd, args)
	}
	every, err := parseInterval(args[0])
	if err != nil {
		return errUsage{fmt.Errorf("--watch %q: %w", args[0], err)}
	}
	f.every = every
	return nil
}

// check reads what the flags say.
func (f *psFlags) check(cmd *cobra.Command, s *streams) error {
	forms := 0
	for _, name := range []string{"quiet", "format", "output"} {
		if cmd.Flags().Changed(name) {
			forms++
		}
	}
	if forms > 1 {
		return errUsage{errors.New("--quiet, --format and --output exclude each other")}
	}
	template := f.template
	if f.quiet {
		template = "{{.ID}}"
	}
	if f.quiet || cmd.Flags().Changed("format") {
		var err error
		if f.format, err = report.ParseFormat(template); err != nil {
			return errUsage{fmt.Errorf("--format: %w", err)}
		}
	}
	if err := f.filters.parse(s.zone); err != nil {
		return err
	}
	f.all = f.all || f.filters.want("status", "exited") || f.filters.want("status", "created")
	for _, kind := range f.kinds {
		if !slices.Contains(query.Kinds(), kind) {
			return errUsage{fmt.Errorf("--kind: no kind %q; there are %s", kind, strings.Join(query.Kinds(), ", "))}
		}
	}
	if f.every > 0 && f.at != "" {
		return errUsage{errors.New("--watch and --at exclude each other: the past does not change")}
	}
	if f.every > 0 && f.source.Recording != "" {
		return errUsage{errors.New("--watch and --recording exclude each other: a recording does not change")}
	}
	f.cells.Zone = s.zone
	return nil
}

func (f *psFlags) run(cmd *cobra.Command, s *streams, o *options) error {
	if err := f.check(cmd, s); err != nil {
		return err
	}
	if f.every > 0 {
		return f.watch(cmd, s, o)
	}
	return f.list(cmd, s, func() ([]report.Workload, error) { return o.lookAtWorkloads(cmd.Context(), s) }, func(list []report.Workload) error { return f.write(s.out, list, output.Columns(s.out)) })
}

// watch lists again and again. What could not be learned is said beside the list; the log is left out, since it would be the same
// each time.
func (f *psFlags) watch(cmd *cobra.Command, s *streams, o *options) error {
	silent := *o
	silent.level = level(slog.LevelError + 1)
	text := func(ctx context.Context, out io.Writer, columns int) (notes []string, err error) {
		var said bytes.Buffer
		cmd.SetContext(ctx) // the end of the watch ends a question, too
		err = f.list(cmd, s, func() ([]report.Workload, error) {
			return silent.lookAtWorkloads(ctx, &streams{out: s.out, err: &said, zone: s.zone})
		}, func(list []report.Workload) error { return f.write(out, list, columns) })
		return strings.FieldsFunc(said.String(), func(r rune) bool { return r == '\n' }), err
	}
	return redraw.Run(cmd.Context(), redraw.Options{
		Out: s.out, Notes: s.err, Every: f.every, Terminal: terminal.Device, Guard: guardCommand(),
		Now: func() time.Time { return time.Now().In(s.zone) },
	}, text)
}

const (
	// restartsPatience is how long a look waits for the engines' counts of restarts. What has not come by then stays unknown.
	restartsPatience = time.Second
	// restartsAsked is how many containers the engines are asked about at a time.
	restartsAsked = 8
)

// lookAtWorkloads lists the workloads by a look at the host. Their engines are asked how often they have restarted them, if they have not
// said so by themselves.
func (o *options) lookAtWorkloads(ctx context.Context, s *streams) ([]report.Workload, error) {
	snapshot, p, err := o.once(ctx, s)
	if err != nil {
		return nil, err
	}
	list := report.Workloads(snapshot)
	ctx, cancel := context.WithTimeout(ctx, restartsPatience)
	defer cancel()
	var asking sync.WaitGroup
	free := make(chan struct{}, restartsAsked)
	for i := range list {
		w := &list[i]
		if kind := w.KindOf(); w.EngineRestarts != nil || kind != event.KindContainer && kind != event.KindPod {
			continue
		}
		free <- struct{}{}
		asking.Go(func() {
			defer func() { <-free }()
			if settings, err := p.Settings(ctx, w.Runtime, w.ID); err == nil && settings.RestartCount != nil {
				w.EngineRestarts = new(uint64(max(*settings.RestartCount, 0)))
			} // else it stays unknown
		})
	}
	asking.Wait()
	return list, nil
}

// list gets the workloads, from a running nsviz or a recording or, where none is asked, by a look at the host, and writes the
// selected ones.
func (f *psFlags) list(cmd *cobra.Command, s *streams, look func() ([]report.Workload, error), write func([]report.Workload) error) error {
	if f.all || f.at != "" || named(cmd) {
		if err := f.source.check(cmd); err != nil {
			return err
		}
		at, err := f.at.of(f.source.Source, s.zone)
		if err != nil {
			return err
		}
		err = ask(cmd, s, &f.source, "", client.Workloads().At(at), func(l report.Listing) error { return write(f.choose(l.Complete())) })
		if errors.Is(err, client.ErrNotRunning) && f.all {
			return fmt.Errorf("%w; the host itself shows only what runs (nsviz ps without --all), not what has ended", err)
		}
		return err
	}
	list, err := look()
	if err != nil {
		return err
	}
	return write(f.choose(list))
}

// choose returns the workloads that the flags ask for.
func (f *psFlags) choose(list []report.Workload) []report.Workload {
	chosen := []report.Workload{}
	for i := range list {
		w := &list[i]
		if (f.all || w.Live()) && f.wantsKind(w) && f.filters.accept(w) {
			chosen = append(chosen, *w)
		}
	}
	return chosen
}

// wantsKind reports whether workloads of a kind are to be listed. Sandboxes and services, of which there may be many, are listed when
// asked for, and when the OOM killer took something from one.
func (f *psFlags) wantsKind(w *report.Workload) bool {
	kind := w.KindOf()
	if len(f.kinds) > 0 {
		return slices.Contains(f.kinds, string(kind))
	}
	if f.form == "json" || strings.TrimSpace(f.template) == "json" || kind != event.KindSandbox && kind != event.KindService {
		return true
	}
	killed := w.Killed()
	return killed != nil && *killed || f.filters.want("kind", string(kind))
}

// write writes workloads to a terminal of a width; 0 is any.
func (f *psFlags) write(out io.Writer, list []report.Workload, width int) error {
	switch {
	case f.format != nil:
		return f.format.Write(out, list, f.cells)
	case f.form == "json":
		return report.WriteJSON(out, list)
	}
	return report.WriteWorkloads(out, list, width, f.cells)
}
