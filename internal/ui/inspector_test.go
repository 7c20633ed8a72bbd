package ui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// The page of a container has what is read about it while it is open; a reading that hangs holds up neither keys nor other pages.
func TestPageIsReadWhileItIsOpen(t *testing.T) {
	screen := newSimulated()
	release := make(chan struct{})
	var read InspectFunc = func(_ context.Context, _ *model.Snapshot, c *model.Container) (*report.Dissection, error) {
		switch c.Label {
		case "agent":
			<-release // for it hangs in a file system, no context ends it
			return nil, ErrEnded
		case "web":
			return nil, errors.New("open /proc/27311/ns/mnt: permission denied")
		}
		return hogDissection(), nil
	}
	wait := start(t.Context(), Options{Screen: screen, Snapshots: scene, Inspect: read})
	screen.await(t, "sidecar")
	screen.InjectKey(tcell.KeyEnter, 0, 0)
	screen.await(t, "nsviz is reading its processes")
	screen.InjectKey(tcell.KeyEsc, 0, 0)
	screen.await(t, "sidecar")
	screen.InjectKey(tcell.KeyDown, 0, 0)
	screen.InjectKey(tcell.KeyEnter, 0, 0)
	screen.await(t, "could not read its processes, files and privileges: open /proc/27311/ns/mnt: permission denied")
	screen.InjectKey(tcell.KeyEsc, 0, 0)
	screen.InjectKey(tcell.KeyEnd, 0, 0)
	screen.InjectKey(tcell.KeyEnter, 0, 0)
	screen.await(t, "made of: files")
	screen.InjectKey(tcell.KeyRune, 'q', 0)
	began := time.Now()
	if err := wait(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > stuckPatience {
		t.Errorf("a reading that hangs held up the end for %v", took)
	}
	close(release)
}

// scriptedInspector returns an inspector whose readings answer as told, and which pauses until it is told to go on.
func scriptedInspector(t *testing.T, read InspectFunc) (i *inspector, goOn chan<- struct{}) {
	t.Helper()
	i = newInspector(read, scene)
	resume := make(chan struct{})
	i.pause = func(ctx context.Context, _ time.Duration) bool {
		select {
		case <-resume:
			return true
		case <-ctx.Done():
			return false
		}
	}
	t.Cleanup(i.close)
	return i, resume
}

func TestInspectorFollowsOneContainer(t *testing.T) {
	var reads int
	i, goOn := scriptedInspector(t, func(_ context.Context, _ *model.Snapshot, c *model.Container) (*report.Dissection, error) {
		reads++
		return &report.Dissection{Unknown: []string{fmt.Sprint(c.Label, reads)}}, nil
	})
	s := scene()
	agent, hog := &s.Containers[0], &s.Containers[3]
	i.follow(agent)
	i.follow(agent)
	first := <-i.results
	goOn <- struct{}{}
	second := <-i.results
	i.follow(hog)
	third := <-i.results
	for n, in := range []Inspection{first, second, third} {
		if want := []string{"agent1", "agent2", "hog3"}[n]; in.Dissection.Unknown[0] != want || !in.Time.Equal(sceneTime) {
			t.Errorf("reading %d is %q at %v, want %q", n+1, in.Dissection.Unknown, in.Time, want)
		}
	}
	if first.ID != agent.ID || third.ID != hog.ID || third.InitPID != hog.InitPID {
		t.Errorf("readings of %q, %q", first.ID, third.ID)
	}
	i.follow(nil)
	i.running.Wait() // it has stopped, not only paused
}

// An inspector without anything to read by, and one whose container has ended, read nothing more.
func TestInspectorEnds(t *testing.T) {
	s := scene()
	none := newInspector(nil, scene)
	none.follow(&s.Containers[0])
	none.running.Wait()
	none.close()

	i, _ := scriptedInspector(t, func(context.Context, *model.Snapshot, *model.Container) (*report.Dissection, error) {
		return nil, ErrEnded
	})
	i.follow(&s.Containers[0])
	i.running.Wait()
	i.follow(&model.Container{ID: "gone"})
	i.running.Wait()
}

// Readings that hang are few.
func TestInspectorBoundsReadingsThatHang(t *testing.T) {
	release := make(chan struct{})
	begun := make(chan string, 2*maxReadings)
	i, _ := scriptedInspector(t, func(_ context.Context, _ *model.Snapshot, c *model.Container) (*report.Dissection, error) {
		begun <- c.ID
		<-release
		return &report.Dissection{}, nil
	})
	many := sceneMany(maxReadings + 2)
	i.snapshots = func() *model.Snapshot { return many }
	for n := range maxReadings {
		i.follow(&many.Containers[n])
		<-begun
	}
	last := &many.Containers[maxReadings]
	i.follow(last)
	if in := <-i.results; in.ID != last.ID || !strings.Contains(in.Problem, "have not ended") {
		t.Errorf("%+v", in)
	}
	if len(begun) != 0 {
		t.Error("one more reading has begun")
	}
	close(release) // those that hung end, and the last one has its turn
	if in := <-i.results; in.ID != last.ID || in.Problem != "" || in.Dissection == nil {
		t.Errorf("%+v", in)
	}
}
