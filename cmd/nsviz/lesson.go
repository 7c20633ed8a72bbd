package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/term"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/pipeline"
)

// vmFlags say which virtual machine a start is compared with.
type vmFlags struct {
	none   bool
	kernel string
}

// lesson tells of the starts of demo start: of the first one at length, with a virtual machine beside it, and of
// the others in short.
type lesson struct {
	out  io.Writer
	p    *pipeline.Pipeline
	vm   vmFlags
	told int
}

func newLesson(out io.Writer, p *pipeline.Pipeline, vm vmFlags) *lesson {
	return &lesson{out: out, p: p, vm: vm}
}

// tellingPatience is how long a start may take to be known, and how long the engine's word on it is waited for.
const (
	tellingPatience = 5 * time.Second
	enginesWord     = time.Second
)

// started tells of one start. It takes as long as a virtual machine does to boot, with the first one.
func (l *lesson) started(ctx context.Context, name string) error {
	c := l.await(ctx, name)
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the demo ends
	}
	l.told++
	w := width(l.out)
	if c == nil {
		return l.say(paragraph(fmt.Sprintf("nsviz has not seen the start of %s within %v.", name, tellingPatience), w))
	}
	if err := l.say(startText(c, l.told == 1, w)); err != nil || l.told > 1 || l.vm.none {
		return err
	}
	vm, err := demo.FindVM(demo.ThisHost(), l.vm.kernel)
	if err != nil {
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
		return l.say(noVMText(err, w))
	}
	return l.say(bootText(c, boot, w))
}

func (l *lesson) say(text string) error {
	_, err := io.WriteString(l.out, text)
	return err
}

// await waits until the start of a container is known, and a little longer for the engine's word on it. nil: it
// did not come to be known.
func (l *lesson) await(ctx context.Context, name string) *isolation.Container {
	over := time.NewTimer(tellingPatience)
	defer over.Stop()
	known := false
	for {
		c := l.find(name)
		if c != nil && (c.Runtime != runtime.Docker || c.Phases[len(c.Phases)-1].Name == event.PhaseEngineStart) {
			return c
		}
		if c != nil && !known {
			known = true
			over.Reset(enginesWord)
		}
		select {
		case <-l.p.Changed():
		case <-over.C:
			return l.find(name)
		case <-ctx.Done():
			return nil
		}
	}
}

// find is the container whose start is known, nil before that.
func (l *lesson) find(name string) *isolation.Container {
	s := l.p.Snapshot()
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Label == name && len(c.Phases) > 0 {
			return c
		}
	}
	return nil
}

// width is how many columns there are to write in.
func width(out io.Writer) int {
	if f, ok := out.(interface{ Fd() uintptr }); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return min(w, 120)
		}
	}
	return 80
}
