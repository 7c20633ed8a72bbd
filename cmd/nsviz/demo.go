package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/container/engine/docker"
	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/demo/lesson"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/output"
	"github.com/nsviz/nsviz/internal/pipeline"
)

func newDemo(s *streams, o *options) *cobra.Command {
	var bare bool
	var duration time.Duration
	var vm lesson.VM
	var guided tourFlags
	cmd := &cobra.Command{
		Use: "demo [oom|start|isolation]", GroupID: groupWatch,
		ValidArgs: []string{string(demo.OOM), string(demo.Start), string(demo.Isolation)},
		Short:     "Play a lesson, live: oom (the default), start or isolation",
		Long: `Plays a lesson. oom is shown in the dashboard, or as events where stdout is not a terminal.

  oom        a container takes more memory than it may, and the kernel kills inside it
  start      containers start, one after the other, in milliseconds; where these go is drawn, in
             place of the dashboard, and compared with the boot of a virtual machine
  isolation  a guided tour in text: what the host sees, what a container sees, the limit, the kill, a
             start and a boot, and why a kernel module needs a virtual machine. Each step says what to
             look at and how to see it by hand, checks this on the host, and waits for Enter. The
             exit code is 1 if a check failed

With a Docker engine the containers are Docker's, from an image that nsviz makes of itself; without
one nsviz makes them by hand. Everything that it makes is called nsviz-demo-… and is removed at the end.

start and isolation boot a virtual machine where QEMU is installed. It has the kernel of this host, and
its only program is nsviz. Without KVM, QEMU emulates it, which is slower.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return errUsage{fmt.Errorf("nsviz demo plays one demo at a time")}
			}
			return nil
		},
		Example: `  sudo nsviz demo
  sudo nsviz demo isolation
  sudo nsviz demo isolation --container web --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			scenario := demo.Scenarios()[0]
			if len(args) == 1 {
				var err error
				if scenario, err = demo.Parse(args[0]); err != nil {
					return errUsage{err}
				}
			}
			ctx := cmd.Context()
			if duration > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, duration)
				defer cancel()
			}
			ctx, end := context.WithCancel(ctx)
			defer end()
			beside := func(ctx context.Context, p *pipeline.Pipeline) error {
				play := demo.Play{Suffix: fmt.Sprint(os.Getpid()), Wait: time.After, Guide: guided.guide(s, o, p, vm)}
				if scenario == demo.Start {
					play.Started = lesson.New(s.out, func() int { return output.Width(s.out) }, p, vm).Started
				}
				err := playDemo(ctx, o, scenario, bare, play)
				if err == nil {
					end() // the guide has come to the end
				}
				return err
			}
			switch terminal := output.IsTerminal(s.out); {
			case scenario == demo.Isolation:
				return events(ctx, s, o.quieter(), allEvents, func(event.Event) error { return nil }, beside)
			case terminal && scenario == demo.Start:
				return events(ctx, s, o, allEvents, func(event.Event) error { return nil }, beside)
			case terminal:
				return dashboard(ctx, s, o, beside)
			}
			return events(ctx, s, o, allEvents, eventWriter(output.Patient(s.out), "text", s.zone), beside)
		},
	}
	cmd.Flags().BoolVar(&bare, "no-docker", false, "make the containers by hand even where an engine answers")
	cmd.Flags().Var(newChecked(&duration, 0, "duration", parseDuration), "duration", "end after this long; 0 is until q or Ctrl-C")
	cmd.Flags().BoolVar(&vm.None, "no-vm", false, "start, isolation: boot no virtual machine to compare with")
	cmd.Flags().StringVar(&vm.Kernel, "kernel", "", "start, isolation: the kernel that the virtual machine boots (default: this host's, from /boot)")
	cmd.Flags().BoolVarP(&guided.yes, "yes", "y", false, "isolation: do not wait for Enter, as without a terminal")
	cmd.Flags().Var(newChecked(&guided.container, "", "string", notEmpty("the name of a container")), "container", "isolation: the name of a container of yours to look at")
	themeFlag(cmd, &o.theme)
	return cmd
}

// enginePatience is how long the engine may take to answer.
const enginePatience = 3 * time.Second

// playDemo plays with the engine if one answers, else by hand.
func playDemo(ctx context.Context, o *options, scenario demo.Scenario, bare bool, play demo.Play) error {
	backend, err := demoBackend(ctx, o, bare)
	if err != nil {
		return err
	}
	return demo.Run(ctx, backend, scenario, play)
}

func demoBackend(ctx context.Context, o *options, bare bool) (demo.Backend, error) {
	if !bare {
		ctx, cancel := context.WithTimeout(ctx, enginePatience)
		defer cancel()
		runner, err := docker.NewRunner(ctx, o.engineHost())
		if err == nil {
			return demo.NewEngine(runner, "/proc/self/exe", os.Getpid()), nil
		}
	}
	r, err := o.openReader()
	if err != nil {
		return nil, err
	}
	layout := r.layout
	if !layout.HasMemory {
		return nil, errUnsupported{errors.New("no cgroup hierarchy limits memory here, so there is nothing to show")}
	}
	return demo.NewBare(layout.Dir, layout.Controller == ""), nil
}
