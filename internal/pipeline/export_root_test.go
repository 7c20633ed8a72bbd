//go:build root

package pipeline

// Hold keeps the loop, and with it whoever reads the rings, until release is closed. It returns once it does.
func (p *Pipeline) Hold(release <-chan struct{}) {
	held := make(chan struct{})
	p.send(hold{held, release})
	<-held
}

// hold is a message whose handling lasts until release is closed.
type hold struct {
	held    chan<- struct{}
	release <-chan struct{}
}

func (m hold) handle(*loop) {
	close(m.held)
	<-m.release
}
