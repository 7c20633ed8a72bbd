//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// engineLog counts the engine's own events of its containers' starts and ends, by id.
type engineLog struct {
	mu             sync.Mutex
	started, ended map[string]int
}

// followEngine reads `docker events` until the end of the test.
func followEngine(t *testing.T) *engineLog {
	t.Helper()
	log := &engineLog{started: map[string]int{}, ended: map[string]int{}}
	cmd := exec.CommandContext(t.Context(), "docker", "events", "--filter=type=container", "--filter=event=start",
		"--filter=event=die", "--since="+strconv.FormatInt(time.Now().Unix(), 10), "--format={{json .}}")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var said struct {
				Action string
				Actor  struct{ ID string }
			}
			if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
				t.Errorf("docker events: %v: %s", err, lines.Text())
				continue
			}
			log.mu.Lock()
			map[string]map[string]int{"start": log.started, "die": log.ended}[said.Action][said.Actor.ID]++
			log.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	})
	return log
}

// lives are the starts and exits that one nsviz reported, with their times by the kernel, by container.
type lives struct{ starts, exits map[string][]time.Time }

func livesIn(t *testing.T, events *stream) lives {
	t.Helper()
	reported := lives{map[string][]time.Time{}, map[string][]time.Time{}}
	for _, e := range events.all(func(*event.Event) bool { return true }) {
		switch e.Type {
		case event.ContainerStarted:
			reported.starts[e.Container.ID] = append(reported.starts[e.Container.ID], e.Time)
		case event.ContainerExited:
			reported.exits[e.Container.ID] = append(reported.exits[e.Container.ID], e.Time)
		case event.EventsLost:
			t.Errorf("%d events lost: %s", e.Lost.Count, e.Lost.Reason)
		}
	}
	return reported
}

// first returns the time of the first of some events, or a given time if that is earlier: from then on all must be there.
func first(events map[string][]time.Time, atLatest time.Time) time.Time {
	for _, times := range events {
		if times[0].Before(atLatest) {
			atLatest = times[0]
		}
	}
	return atLatest
}

// Containers that start and end while nsviz attaches are neither lost nor doubled. nsviz is started 24 times during a storm of
// short-lived containers, and each time beside a container that lives on. The engine's own log lists the containers, and an
// nsviz that watches all the time has their times.
func TestStartUpRace(t *testing.T) {
	const rounds, atOnce = 24, 2
	hung := hungEngine(t)
	log := followEngine(t)
	witness := startEvents(t)
	stop := make(chan struct{})
	var storm sync.WaitGroup
	for worker := range atOnce {
		storm.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("nsviz-test-storm-%d-%d", worker, n)
				out, err := exec.Command("docker", "run", "--rm", "--name", name, "--net=none", busyboxImage, "true").CombinedOutput()
				if err != nil {
					t.Errorf("docker run %s: %v\n%s", name, err, out)
					return
				}
			}
		})
	}
	calm := sync.OnceFunc(func() {
		close(stop)
		storm.Wait()
	})
	t.Cleanup(calm)

	type round struct {
		lives        // reported by the nsviz that was started during the storm
		began, ended time.Time
		id           string // of the container that lives on
	}
	var all []round
	for n := range rounds {
		name := fmt.Sprint("nsviz-test-attach-", n)
		removeContainer(t, name)
		type run struct {
			id  string
			err error
		}
		running := make(chan run, 1)
		go func() {
			out, err := exec.Command("docker", "run", "-d", "--name", name, "--net=none", busyboxImage, "sleep", "1000").CombinedOutput()
			running <- run{strings.TrimSpace(string(out)), err}
		}()
		// nsviz starts before the container exists, while it is made, or while it runs.
		if state := [...]string{"", "false true", "true"}[n%3]; state != "" {
			eventually(t, func() bool {
				running, err := exec.Command("docker", "inspect", "--format={{.State.Running}}", name).Output()
				return err == nil && strings.Contains(state, strings.TrimSpace(string(running)))
			}, func() string { return name + " is not there" })
		}
		// If the engine does not answer, nsviz waits in vain for names, which prolongs the start.
		events := startEvents(t, "--docker-host", hung)
		r := round{began: time.Now()}
		container := <-running
		if container.err != nil {
			t.Fatalf("docker run %s: %v\n%s", name, container.err, container.id)
		}
		r.id = container.id
		docker(t, "rm", "-f", name)
		// By id, since nsviz first has no names if the engine is slow.
		events.await(t, 1, func(e *event.Event) bool { return e.Type == event.ContainerExited && e.Container.ID == r.id })
		r.ended = time.Now()
		events.stop(t)
		<-events.parsed
		r.lives = livesIn(t, events)
		all = append(all, r)
	}
	calm()

	// The nsviz that watched all the time reports what the engine reports. Either may come to that later than the other.
	var truth lives
	var wrong string
	eventually(t, func() bool {
		truth, wrong = livesIn(t, witness), ""
		log.mu.Lock()
		defer log.mu.Unlock()
		for id, n := range log.started {
			if starts, exits := len(truth.starts[id]), len(truth.exits[id]); n != 1 || log.ended[id] != 1 || starts != 1 || exits != 1 {
				wrong = fmt.Sprintf("%s: the engine says %d starts and %d ends, the nsviz that watches all the time %d and %d",
					id, n, log.ended[id], starts, exits)
			}
		}
		for _, r := range all {
			if log.started[r.id] == 0 {
				wrong = "the engine says nothing of " + r.id
			}
		}
		return wrong == ""
	}, func() string { return wrong })
	log.mu.Lock()
	defer log.mu.Unlock()

	meanwhile, found, reported := 0, 0, 0
	for n, r := range all {
		starts, exits := first(r.starts, r.began), first(r.exits, r.began)
		for id := range log.started {
			started, ended := truth.starts[id][0], truth.exits[id][0]
			if ended.After(r.ended) || started.After(r.ended) {
				continue // it may be reported or not, since nsviz was asked to stop
			}
			mustStart, mustExit := !started.Before(starts), !ended.Before(exits)
			if mustStart && mustExit && started.Before(r.began) {
				meanwhile++
			}
			gotStarts, gotExits := len(r.starts[id]), len(r.exits[id])
			if gotStarts > 1 || gotExits > 1 || mustStart && gotStarts == 0 || (mustExit || gotStarts > 0) && gotExits == 0 {
				t.Errorf("round %d: %d starts and %d exits of %s, which started %v and ended %v after nsviz said that it watches",
					n, gotStarts, gotExits, id, started.Sub(r.began), ended.Sub(r.began))
			}
		}
		if len(r.starts[r.id]) == 0 {
			found++
		} else {
			reported++
		}
	}
	t.Logf("%d containers; %d starts while nsviz attached; of the %d that lived on, nsviz found %d running and saw %d start",
		len(log.started), meanwhile, rounds, found, reported)
	if found == 0 || reported == 0 {
		t.Error("there was no race to be won")
	}
}
