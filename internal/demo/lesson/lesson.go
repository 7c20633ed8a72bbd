package lesson

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/store"
	"github.com/nsviz/nsviz/internal/story"
)

// VM selects the virtual machine to compare a start with.
type VM struct {
	// None is set to compare it with none.
	None bool
	// Kernel is the file of the kernel that the machine boots; "" is this host's own.
	Kernel string
}

// Lesson describes the starts: the first one in detail, with a virtual machine beside it, and the others in short.
type Lesson struct {
	out    io.Writer
	width  func() int
	watch  store.Source
	vm     VM
	starts int
	// learned is what the first start has shown.
	learned Learned
}

// Learned holds the times of a container's start and of a virtual machine's boot.
type Learned struct {
	// Start is the time until the container's program ran; 0 is unknown.
	Start time.Duration
	// Boot is the time until the program in the virtual machine ran, Guest what of that its kernel took. NoBoot is why there was none, "" if there was one.
	Boot, Guest time.Duration
	NoBoot      string
}

// Learned returns what the first start has shown.
func (l *Lesson) Learned() Learned { return l.learned }

// New returns a lesson that writes to out, in lines of at most that many columns.
func New(out io.Writer, width func() int, watch store.Source, vm VM) *Lesson {
	return &Lesson{out: out, width: width, watch: watch, vm: vm}
}

// startPatience is how long a start may take to be known, and how long to wait for the engine's report on it.
const (
	startPatience  = 5 * time.Second
	enginePatience = time.Second
)

// Started describes the start of the container with a name. For the first one it takes as long as a virtual machine's boot.
func (l *Lesson) Started(ctx context.Context, name string) error {
	c := l.await(ctx, name)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the demo ends
	}
	l.starts++
	w := l.width()
	if c == nil {
		return l.say(paragraph(fmt.Sprintf("nsviz has not seen the start of %s within %v.", name, startPatience), w))
	}
	if err := l.say(startText(c, l.starts == 1, w)); err != nil || l.starts > 1 {
		return err
	}
	l.learned.Start = story.StartTook(story.StartSteps(c.Phases))
	if l.vm.None {
		l.learned.NoBoot = "--no-vm leaves it out"
		return nil
	}
	vm, err := demo.FindVM(demo.ThisHost(), l.vm.Kernel)
	if err != nil {
		l.learned.NoBoot = err.Error()
		return l.say(noVMText(err, w))
	}
	if err := l.say(bootingText(vm, w)); err != nil {
		return err
	}
	boot, err := vm.Boot(ctx)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the demo ends
	}
	if err != nil {
		l.learned.NoBoot = err.Error()
		return l.say(noVMText(err, w))
	}
	l.learned.Boot, l.learned.Guest = boot.Total, boot.Guest
	return l.say(bootText(c, boot, w))
}

func (l *Lesson) say(text string) error {
	_, err := io.WriteString(l.out, text)
	return err
}

// await waits until the start of a container is known, and a little longer for the engine's report on it. nil means that
// the start did not become known.
func (l *Lesson) await(ctx context.Context, name string) *model.Container {
	over := time.NewTimer(startPatience)
	defer over.Stop()
	known := false
	for {
		c := l.find(name)
		if c != nil && (c.Runtime != runtime.Docker || c.Phases[len(c.Phases)-1].Name == event.PhaseEngineStart) {
			return c
		}
		if c != nil && !known {
			known = true
			over.Reset(enginePatience)
		}
		select {
		case <-l.watch.Changed():
		case <-over.C:
			return l.find(name)
		case <-ctx.Done():
			return nil
		}
	}
}

// find returns the container whose start is known, nil before that.
func (l *Lesson) find(name string) *model.Container {
	s := l.watch.Snapshot()
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Label == name && len(c.Phases) > 0 {
			return c
		}
	}
	return nil
}
