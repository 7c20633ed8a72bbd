package tour

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/demo/lesson"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/store"
	"github.com/nsviz/nsviz/internal/ui"
)

// Config describes a tour.
type Config struct {
	Out io.Writer
	// Width returns the number of columns.
	Width func() int
	// Wait returns when the user wants to go on, or ctx is done; nil means that nobody is there to wait for.
	Wait  func(ctx context.Context)
	Watch store.Source
	// Proc and Cgroups are where procfs and the hierarchy with the memory controller are mounted; Unified is whether that is cgroup v2.
	Proc, Cgroups string
	Unified       bool
	VM            lesson.VM
	// Patience is how long something may take to be known.
	Patience time.Duration
	// Container is the name of a container of the user to look at; "" is the tour's own.
	Container string
}

// Stage makes the containers of the tour.
type Stage interface {
	// Name returns the full name of a container.
	Name(what string) string
	// Start makes a container; the name of the spec is a short one.
	Start(ctx context.Context, spec demo.Spec) error
}

// Patience is enough for Config.Patience. A hog needs some four seconds to reach its limit.
const Patience = 20 * time.Second

// namePatience is how long nsviz may take to find a container that runs already, and to learn its name.
const namePatience = 5 * time.Second

// tour is a tour under way.
type tour struct {
	Config

	stage  Stage
	kernel kernel
	lesson *lesson.Lesson
	// kill is the OOM kill that was seen, counter where the kernel counts it, log where the container's output goes.
	kill         *model.Kill
	counter, log string
}

// step is one step of the tour. It is gone through in the order of its fields.
type step struct {
	title string
	// prepare makes what the step is about, or waits for it.
	prepare func(ctx context.Context, t *tour) error
	// text explains, and returns what to look at. An error is what stands in the way.
	text func(t *tour) (string, error)
	// show prints more than text.
	show func(ctx context.Context, t *tour) error
	// check returns what shows that it is so on this host. An error is what was seen instead.
	check func(t *tour) (string, error)
	// byHand is a command that shows it without nsviz.
	byHand func(t *tour) string
}

// Run leads through the tour. It fails if something is not as a step says, after the last one. It ends when ctx is done.
func Run(ctx context.Context, stage Stage, cfg Config) error {
	t := &tour{Config: cfg, stage: stage, kernel: kernel{cfg.Proc}, lesson: lesson.New(cfg.Out, cfg.Width, cfg.Watch, cfg.VM)}
	if cfg.Container != "" {
		found, cancel := context.WithTimeout(ctx, namePatience)
		defer cancel()
		switch err := t.awaitRunning(found, cfg.Container); {
		case ctx.Err() != nil:
			return nil // the user has had enough
		case err != nil:
			return fmt.Errorf("no container %s runs; nsviz ps lists those that do", cfg.Container)
		}
	}
	all := steps()
	wrong := 0
	for i := range all {
		ok, err := t.play(ctx, i, len(all), &all[i])
		switch {
		case ctx.Err() != nil:
			return nil // the user has had enough
		case err != nil:
			return err
		case !ok:
			wrong++
		}
	}
	if err := t.answers(); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d steps were not as the tour says", wrong, len(all))
	}
	return nil
}

// play goes through a step. It returns whether everything was so. An error means that the tour cannot go on.
func (t *tour) play(ctx context.Context, i, n int, s *step) (ok bool, err error) {
	if err := t.print(fmt.Sprintf("\n[%d/%d] %s\n", i+1, n, s.title)); err != nil {
		return false, err
	}
	ok, seen, err := t.explain(ctx, s)
	if err != nil || ctx.Err() != nil {
		return false, err
	}
	verdict := "checked"
	if !ok {
		verdict = "NOT SO"
	}
	text := t.labelled(verdict, seen)
	if hand := s.byHand(t); hand != "" { // in one piece, so that it can be copied
		text = "  by hand   " + foreign.Prose(hand) + "\n" + text
	}
	if err := t.print(text); err != nil || t.Wait == nil || i == n-1 {
		return ok, err
	}
	if err := t.print("  Enter goes on, Ctrl-C ends the tour. "); err != nil {
		return ok, err
	}
	t.Wait(ctx)
	if ctx.Err() != nil {
		return ok, t.print("\n")
	}
	return ok, nil
}

// explain prepares a step, prints its text and checks it.
func (t *tour) explain(ctx context.Context, s *step) (ok bool, seen string, err error) {
	if s.prepare != nil {
		if err := s.prepare(ctx, t); err != nil {
			return notSo(err)
		}
	}
	text, err := s.text(t)
	if err != nil {
		return notSo(err)
	}
	if err := t.print(t.paragraphs(text)); err != nil {
		return false, "", err
	}
	if s.show != nil {
		if err := s.show(ctx, t); err != nil {
			return false, "", err
		}
	}
	if seen, err = s.check(t); err != nil {
		return notSo(err)
	}
	return true, seen, nil
}

// notSo is the outcome of a step at which something else was seen.
func notSo(err error) (ok bool, seen string, failed error) { return false, err.Error(), nil }

func (t *tour) print(text string) error {
	_, err := io.WriteString(t.Out, text)
	return err
}

// paragraphs wraps text, of which each line is a paragraph.
func (t *tour) paragraphs(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		for _, row := range ui.Wrap(foreign.Prose(strings.TrimSpace(line)), max(t.Width(), 20)) {
			b.WriteString(row + "\n")
		}
	}
	return b.String()
}

// labelled writes a text beside a word.
func (t *tour) labelled(word, text string) string {
	return t.beside(fmt.Sprintf("  %-10s", word), text)
}

func (t *tour) indented(text string) string { return t.beside("  ", text) }

// beside writes a text to the right of its beginning.
func (t *tour) beside(begin, text string) string {
	var b strings.Builder
	for i, row := range ui.Wrap(foreign.Prose(text), max(t.Width()-len(begin), 20)) {
		if i > 0 {
			begin = strings.Repeat(" ", len(begin))
		}
		b.WriteString(begin + row + "\n")
	}
	return b.String()
}

// find returns a container that runs; nil is none.
func (t *tour) find(name string) *model.Container {
	s := t.Watch.Snapshot()
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Label == name && c.State == model.Running && c.InitPID != 0 {
			return c
		}
	}
	return nil
}

// errGone reports a container that does not run any more.
func errGone(name string) error {
	return fmt.Errorf("%s does not run: it has ended, or somebody has removed it", name)
}

// running returns a container of the tour that runs.
func (t *tour) running(what string) (*model.Container, error) {
	name := t.stage.Name(what)
	if what == subject {
		name = t.subject()
	}
	if c := t.find(name); c != nil {
		return c, nil
	}
	return nil, errGone(name)
}

// subject returns the name of the container that the tour looks at.
func (t *tour) subject() string {
	if t.Container != "" {
		return t.Container
	}
	return t.stage.Name(web)
}

// await waits until something is known. It returns false if it does not become known in time.
func (t *tour) await(ctx context.Context, known func() bool) bool {
	over := time.NewTimer(t.Patience)
	defer over.Stop()
	again := time.NewTicker(time.Second) // readings that find little are not signalled
	defer again.Stop()
	for !known() {
		select {
		case <-t.Watch.Changed():
		case <-again.C:
		case <-over.C:
			return known()
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// awaitRunning waits until nsviz knows that containers run.
func (t *tour) awaitRunning(ctx context.Context, names ...string) error {
	var errs []error
	for _, name := range names {
		if !t.await(ctx, func() bool { return t.find(name) != nil }) {
			errs = append(errs, errGone(name))
		}
	}
	return errors.Join(errs...)
}
