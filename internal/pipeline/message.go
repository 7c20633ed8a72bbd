package pipeline

import "github.com/nsviz/nsviz/internal/fact"

// message is what a producer hands over to the loop: something that was read, or a question about what the loop's tables
// hold. Each type is beside the adapter of its producer.
type message interface {
	// handle is called by the loop's goroutine, for one message after the other.
	handle(l *loop)
}

// report is a fact that needs no attribution.
type report fact.Fact

func (m report) handle(l *loop) { l.apply(fact.Fact(m)) }

// answered is a message that somebody waits for.
type answered struct {
	message

	done chan<- struct{}
}

func (m answered) handle(l *loop) {
	m.message.handle(l)
	close(m.done)
}

// send hands a message to the loop. The loop runs until all producers have ended, so this always ends.
func (l *loop) send(m message) { l.inputs <- m }

// ask hands a message to the loop and waits until it is handled. A question is a pointer, whose fields then hold the answer.
func (l *loop) ask(m message) {
	done := make(chan struct{})
	l.send(answered{m, done})
	<-done
}
