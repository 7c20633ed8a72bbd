//go:build root

package pipeline

// Hold keeps the loop, and with it whoever reads the rings, until release is closed. It returns once it does.
func (p *Pipeline) Hold(release <-chan struct{}) {
	held := make(chan struct{})
	p.send(call(func(*Pipeline) {
		close(held)
		<-release
	}))
	<-held
}
