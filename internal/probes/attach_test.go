package probes

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
)

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// TestLinksAreClosedTogether: no link waits for the kernel to be done with another one, and the errors of all are returned.
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
				<-all // a link that waited for its turn would never be reached, a deadlock for synctest
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
