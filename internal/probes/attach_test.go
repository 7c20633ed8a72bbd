package probes

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// TestLinksAreClosedTogether: no link waits until the kernel is done with another one, and the errors of all are returned.
func TestLinksAreClosedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 3
		arrived := make(chan struct{}, n)
		all := make(chan struct{})
		go func() {
			for range n {
				<-arrived
			}
			close(all)
		}()
		failures := []error{errors.New("first"), nil, errors.New("third")}
		p := &Probes{}
		for _, failure := range failures {
			p.links = append(p.links, io.Closer(closerFunc(func() error {
				arrived <- struct{}{}
				<-all // a link that waited for its turn would be a deadlock for synctest
				return failure
			})))
		}
		err := p.Close()
		for _, failure := range failures {
			if failure != nil && !errors.Is(err, failure) {
				t.Errorf("%v is not among the errors: %v", failure, err)
			}
		}
	})
}

// TestFewLinksAreClosedAtATime: each takes a thread, and at the limit of threads the Go runtime ends the program.
func TestFewLinksAreClosedAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closing atomic.Int32
		goOn := make(chan struct{})
		links := make([]io.Closer, 10*maxClosing)
		for i := range links {
			links[i] = closerFunc(func() error {
				closing.Add(1)
				<-goOn
				closing.Add(-1)
				return nil
			})
		}
		done := make(chan error, 1)
		go func() { done <- closeAll(links) }()
		for closed := range links {
			synctest.Wait()
			if got, want := int(closing.Load()), min(maxClosing, len(links)-closed); got != want {
				t.Errorf("%d are closed, and %d are under way, want %d", closed, got, want)
			}
			goOn <- struct{}{}
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
