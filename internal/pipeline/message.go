package pipeline

import "github.com/nsviz/nsviz/internal/fact"

// message is what a producer hands over to the loop: something that was read, or a question about what the loop's tables
// hold. Each type is beside its producer.
type message interface {
	// handle is called by the loop's goroutine, for one message after the other.
	handle(p *Pipeline)
}

// report is a fact that needs no attribution.
type report fact.Fact

func (m report) handle(p *Pipeline) { p.tell(fact.Fact(m)) }

// answered is a message that somebody waits for.
type answered struct {
	message

	done chan<- struct{}
}

func (m answered) handle(p *Pipeline) {
	m.message.handle(p)
	close(m.done)
}

// call is a message that is a function. It goes when all messages have types.
type call func(p *Pipeline)

func (m call) handle(p *Pipeline) { m(p) }

// send hands a message to the loop. The loop runs until all producers have ended, so this always ends.
func (p *Pipeline) send(m message) { p.inputs <- m }

// ask hands a message to the loop and waits until it is handled. A question is a pointer, whose fields then hold the answer.
func (p *Pipeline) ask(m message) {
	done := make(chan struct{})
	p.send(answered{m, done})
	<-done
}
