package main

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/collect/ownmemory"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
	"github.com/nsviz/nsviz/internal/logging"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/place"
	"github.com/nsviz/nsviz/internal/probes"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/store"
	"github.com/nsviz/nsviz/internal/ui"
)

// streams holds the outputs: data go to out, all else to err. Text has its times in the zone, JSON in UTC.
type streams struct {
	out, err io.Writer
	zone     *time.Location
}

// options are the flags that all commands have.
type options struct {
	listen []string
	// systemdSocket replaces listen by the sockets that systemd passes on.
	systemdSocket bool
	webConfig     string
	metricsPath   string
	webUI         bool
	webHosts      []string
	webRemote     string
	engineHosts   []string
	criEndpoints  []string
	procRoot      string
	cgroupRoot    string
	level         level
	logFormat     string
	methods       []string
	noCommands    bool
	labels        []string
	theme         ui.Theme
	columns       []ui.ColumnKey
	sort          ui.Sort
	keys          ui.Keymap
	config        string
	export        exporting

	probeMethods []fact.Method
	// surveys is the shortest pause between two surveys of the host; 0 is the usual one.
	surveys time.Duration
	// past keeps the past of a host that is watched; nil keeps none.
	past *store.Timeline
	// journal is where the log goes with --log-format journald; nil is stderr.
	journal *logging.Journal
	// mishaps keeps mistakes in pieces of work from ending nsviz. It is nil in commands that end by themselves, where a mistake is to be seen.
	mishaps *mishap.Counter
	// ending bounds the end of the process.
	ending *ending
	// consumers are those of pipeline.Config.Quiet.
	consumers []func(fact.Fact)
}

const (
	groupWatch  = "watch"
	groupOnce   = "once"
	groupReplay = "replay"
	groupHelp   = "help"
)

// newRoot returns the command line, whose flags are stored in o.
func newRoot(s *streams, o *options) *cobra.Command {
	root := &cobra.Command{
		Use:   "nsviz",
		Short: "Shows container isolation as the kernel makes it",
		Long: `nsviz shows container isolation as the kernel makes it: namespaces being made and joined,
cgroups filling up, the OOM killer choosing a victim, each tied to the container it belongs to.

Without a command it draws the dashboard, and beside it serves metrics, the API and a page for
browsers. It needs root.`,
		Example: `  sudo nsviz                 # the dashboard
  sudo nsviz demo            # the same, with a container that runs out of memory
  sudo nsviz events -o json  # every event, one a line
  sudo nsviz doctor          # what this host allows, and what nsviz makes of it`,
		Args:          noArguments,
		Version:       versionLine(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.configure(cmd); err != nil {
				return err
			}
			adoptLogs(o.quiet(s.err))
			o.openJournal(s.err)
			if err := o.checkLabels(); err != nil {
				return err
			}
			return o.chooseMethods()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return dashboard(cmd.Context(), s, o, nil) },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(wrongFlag)
	flags := root.PersistentFlags()
	flags.StringArrayVar(&o.listen, "web.listen-address", []string{server.DefaultAddress},
		`address of the web server with the metrics, the API and the page for browsers; repeatable, "" is none`)
	flags.BoolVar(&o.systemdSocket, "web.systemd-socket", false,
		"let the web server have the sockets that systemd passes on (socket activation), instead of --web.listen-address")
	flags.StringVar(&o.metricsPath, "web.telemetry-path", server.MetricsPath, "path of the metrics on the web server")
	flags.StringVar(&o.webConfig, "web.config.file", "", "file with TLS and passwords of the web server, in the format of Prometheus' exporters")
	flags.StringArrayVar(&o.webHosts, "web.host", nil,
		"name under which the page and the API answer where no password is asked for, or *.NAME for all below it; repeatable (addresses, localhost and this host's own name always are)")
	flags.Var(newChecked(&o.webRemote, server.RemoteAll, "string", oneOf(server.RemoteAll, server.RemoteMetrics)), "web.remote",
		"what the web server gives to other hosts: all, or metrics, which keeps the page and the API for the loopback addresses")
	_ = root.RegisterFlagCompletionFunc("web.remote", cobra.FixedCompletions([]string{server.RemoteAll, server.RemoteMetrics}, cobra.ShellCompDirectiveNoFileComp))
	flags.BoolVar(&o.webUI, "web.ui", true, "show the host in browsers, at / of the web server")
	flags.StringArrayVar(&o.engineHosts, "docker-host", nil,
		"engine with Docker's API to ask for names, podman's too; repeatable (default $DOCKER_HOST, or all that are found)")
	flags.StringArrayVar(&o.criEndpoints, "cri-endpoint", nil,
		"engine with Kubernetes' CRI API to ask for names, such as unix:///run/containerd/containerd.sock; repeatable (default all that are found)")
	flags.StringVar(&o.procRoot, "proc-root", pseudofs.DefaultProc, "where the host's procfs is mounted")
	flags.StringVar(&o.cgroupRoot, "cgroup-root", cgroupfs.DefaultRoot, "where the host's cgroups are mounted")
	flags.Var(newChecked(&o.level, level(slog.LevelInfo), "string", parseLevel), "log-level",
		"how much to log on stderr: debug, info, warn, error")
	flags.Lookup("log-level").DefValue = level(slog.LevelInfo).String() // its zero value, which would not be shown
	flags.Var(newChecked(&o.logFormat, logging.Text, "string", oneOf(logging.Forms()...)), "log-format",
		"form of the log of what watches: text (which is logfmt), json or logfmt on stderr, or journald")
	flags.StringVar(&o.config, configFlag, "", "the only file of settings to read (default "+systemConfig+" and ~/.config/"+userConfig+")")
	flags.BoolVar(&o.noCommands, "no-command-lines", false,
		"leave the command lines of OOM victims and entries, which may hold secrets, out of events, recordings and the API")
	flags.StringArrayVar(&o.labels, "label", nil, "the key of a label of the containers' engine to keep, for events and metrics; repeatable")
	flags.StringSliceVar(&o.methods, "probe-methods", nil, "the only methods by which the kernel may be hooked (default all)")
	_ = root.RegisterFlagCompletionFunc("log-format", cobra.FixedCompletions(logging.Forms(), cobra.ShellCompDirectiveNoFileComp))
	_ = flags.MarkHidden("probe-methods") // for comparing the methods

	themeFlag(root, &o.theme)
	o.export.flags(root)
	o.tableFlags(root)

	root.AddGroup(
		&cobra.Group{ID: groupWatch, Title: "Watch, live:"},
		&cobra.Group{ID: groupOnce, Title: "Look once:"},
		&cobra.Group{ID: groupReplay, Title: "Record and replay:"},
		&cobra.Group{ID: groupHelp, Title: "About nsviz:"},
	)
	root.SetHelpCommandGroupID(groupHelp)
	root.SetCompletionCommandGroupID(groupHelp)
	root.AddCommand(
		newServe(s, o), newEvents(s, o), newTrace(s, o), newDemo(s, o),
		newPs(s, o), newNs(s, o), newInspect(s, o), newWhy(s, o), newDoctor(s, o),
		newRecord(s, o), newReplay(s, o),
		newConfig(s, o), newVersion(s), newMan(), newDemoInside(s), newTerminalGuard(),
	)
	strictHelp(root)
	return root
}

// strictHelp makes nsviz help and nsviz completion fail for unknown arguments, for which cobra would print
// something else.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.RunE = func(_ *cobra.Command, args []string) error {
				of, others, err := root.Find(args)
				if err != nil || of.HasSubCommands() && len(others) > 0 {
					return noCommand(of, others[0])
				}
				of.InitDefaultHelpFlag()
				return of.Help()
			}
		case "completion":
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if len(args) == 0 {
					return nil
				}
				return noCommand(cmd, args[0])
			}
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasParent() {
		return noCommand(cmd, args[0])
	}
	return errUsage{fmt.Errorf("%s takes no argument %q", cmd.CommandPath(), args[0])}
}

// arguments wants exactly the named ones.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return errUsage{fmt.Errorf("%s wants %s; see %[1]s --help", cmd.CommandPath(), strings.Join(names, " "))}
		}
		return nil
	}
}

// atMostOne wants the named one or none.
func atMostOne(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return errUsage{fmt.Errorf("%s wants at most one %s; see %[1]s --help", cmd.CommandPath(), name)}
		}
		return nil
	}
}

// logger writes to w or, with --log-format journald, to the journal.
func (o *options) logger(w io.Writer) *slog.Logger {
	if o.journal != nil {
		return slog.New(o.journal.Handler(slog.Level(o.level)))
	}
	return slog.New(logging.NewHandler(w, o.logFormat, slog.Level(o.level)))
}

// openJournal opens the journal if --log-format asks for it. Where there is none, the log goes to stderr.
func (o *options) openJournal(stderr io.Writer) {
	if o.logFormat != logging.Journald || o.journal != nil {
		return
	}
	journal, err := logging.OpenJournal()
	if err != nil {
		fmt.Fprintf(stderr, "nsviz: --log-format %s: %v; the log goes to stderr as text\n", logging.Journald, err)
		return
	}
	o.journal = journal
}

// close writes what waits for the journal.
func (o *options) close() {
	if o.journal != nil {
		_ = o.ending.log(o.journal) // there is nowhere left to report an error
	}
}

// quiet returns a logger for commands that look once: their answer has what matters.
func (o *options) quiet(w io.Writer) *slog.Logger {
	level := slog.Level(o.level)
	if level == slog.LevelInfo {
		level = slog.LevelWarn
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// adoptLogs redirects the logs of libraries to log, as warnings: net/http, OpenTelemetry and others use Go's own log package, which
// would write to stderr and so over the dashboard.
func adoptLogs(log *slog.Logger) {
	slog.SetLogLoggerLevel(slog.LevelWarn)
	slog.SetDefault(log)
}

// chooseMethods reads --probe-methods.
func (o *options) chooseMethods() error {
	for _, name := range o.methods {
		method := fact.Method(name)
		if !slices.Contains(probes.Methods(), method) {
			return errUsage{fmt.Errorf("--probe-methods: no method %q; there are %v", name, probes.Methods())}
		}
		o.probeMethods = append(o.probeMethods, method)
	}
	return nil
}

// watcher sets up what all watching commands share.
func (o *options) watcher(log *slog.Logger, sinks ...func(fact.Fact)) (*pipeline.Pipeline, error) {
	if err := place.CanWatch(); err != nil {
		return nil, err
	}
	return o.pipeline(log, sinks...)
}

// pipeline sets up what all live commands share.
func (o *options) pipeline(log *slog.Logger, sinks ...func(fact.Fact)) (*pipeline.Pipeline, error) {
	adoptLogs(log)
	engines, find, err := o.engines(log)
	if err != nil {
		return nil, err
	}
	if engines, find, err = o.withFiles(log, engines, find); err != nil {
		return nil, err
	}
	return pipeline.New(pipeline.Config{
		Roots:        host.Roots{Proc: o.procRoot, Cgroup: o.cgroupRoot},
		Engines:      engines,
		FindEngines:  find,
		Labels:       o.labels,
		ProbeMethods: o.probeMethods,
		LimitMemory:  ownmemory.LimitGoRuntime(log),
		Log:          log,
		Mishaps:      o.mishaps,
		Sinks:        sinks,
		Past:         o.past,
		Quiet:        o.consumers,

		SurveyInterval: o.surveys,
		NoCommandLines: o.noCommands,
	})
}
