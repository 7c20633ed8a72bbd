package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// stuckAfter is after how long without an answer a pipeline counts as stuck.
	stuckAfter = 15 * time.Second
	// pulseInterval is the shortest time between two questions whether it is.
	pulseInterval = time.Second
)

// pulse asks, one question at a time, whether what the kernel reports still arrives at the model.
type pulse struct {
	mu sync.Mutex // guards what follows
	// asked is when the question was asked that has no answer yet; zero if there is none. next is when the next one may be asked.
	asked, next time.Time
}

// check asks if it is due, and returns for how long a question is without an answer; 0 if none is. It does not wait.
func (p *pulse) check(now time.Time, ask func(answered func())) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.asked.IsZero() {
		return now.Sub(p.asked)
	}
	if now.Before(p.next) {
		return 0
	}
	p.asked, p.next = now, now.Add(pulseInterval)
	ask(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = time.Time{}
	})
	return 0
}

// Ready returns why the model does not describe the host: the probes are not attached yet, the first survey is not done, or what happens
// does not arrive any more. It returns nil if it does. It does not wait, and what is stuck shows after a few calls, stuckAfter later.
func (p *Pipeline) Ready() error {
	select {
	case <-p.attached:
	default:
		return errors.New("the probes are not attached yet")
	}
	if p.hostPIDs { // else there are no surveys
		select {
		case <-p.surveyed:
		default:
			return errors.New("the first survey of the namespaces is not done yet")
		}
	}
	silent := p.pulse.check(p.now(), func(answered func()) { p.pulses <- answered }) // there is room for the one
	if silent >= stuckAfter {
		return fmt.Errorf("what the kernel reports has not arrived for %v", silent.Round(time.Second))
	}
	return nil
}

// answerPulses answers the questions of Ready: an answer is given when all that the kernel had reported by then has been applied.
func (p *Pipeline) answerPulses(ctx context.Context) {
	for {
		select {
		case answered := <-p.pulses:
			if p.Sync(ctx) {
				answered()
			}
		case <-ctx.Done():
			return
		}
	}
}
