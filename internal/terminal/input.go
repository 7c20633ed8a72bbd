package terminal

import (
	"bytes"
	"strconv"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// The library reads keys with tcell's input processor, which has these faults (tcell 2.13.10 and 3.6.0):
//
//   - tScreen.scanInput runs until its buffer is empty. A byte that is no UTF-8 makes the decoder return ErrInvalidUTF8
//     without consuming it, so that the loop never ends: it uses up a CPU, no key is read any more, and Fini waits for it.
//   - An OSC, APC, PM or SOS that never ends swallows all that follows. A CSI does so up to its final byte, without a bound.
//   - The contents of a DCS are read as keys, and may contain q.
//   - A key of win32-input-mode has a repeat count of up to 2³¹, and produces as many events.
//
// So the library never sees any of these.
type input struct {
	// charset is the encoding of what is typed.
	charset charset
	state   inputState
	// pending holds an unfinished character or escape sequence.
	pending []byte
	// dropped counts the bytes of the string that is being dropped.
	dropped int
	// osc holds the beginning of the OSC that is being dropped: it may be an answer.
	osc []byte
	// asked is what the terminal was asked and has not answered yet; nil is nothing.
	asked *asked
	// answers holds the answers in what was fed last.
	answers []Answer
	// since is when the sequence began.
	since time.Time
}

// asked has a mark for each question that has no answer yet.
type asked struct {
	background, position atomic.Bool
	at                   atomic.Int64 // when, in nanoseconds since the epoch
}

// none reports whether all is answered.
func (a *asked) none() bool { return !a.background.Load() && !a.position.Load() }

// charset says which bytes above 0x7f are characters.
type charset int

const (
	// charsetUTF8 has characters of several bytes. What is not UTF-8 is dropped: a byte of another encoding, or the Meta key of a
	// terminal that sets the eighth bit for it.
	charsetUTF8 charset = iota
	// charsetASCII has none.
	charsetASCII
	// charsetOther is any other encoding. The library decodes it by a table that has an entry for every byte.
	charsetOther
)

type inputState int

const (
	inputText         inputState = iota
	inputEscape                  // after ESC
	inputSingle                  // after ESC N or ESC O: one more byte
	inputCSI                     // after ESC [: up to a final byte
	inputExcess                  // in a CSI that is too long
	inputString                  // in an OSC, DCS, APC, PM or SOS: up to ESC \ or BEL
	inputStringEscape            // after ESC in one
)

const (
	esc = 0x1b
	bel = 0x07
	can = 0x18
	sub = 0x1a

	// maxCSI is longer than any key or mouse report.
	maxCSI = 64
	// maxString is longer than any answer of a terminal.
	maxString = 64 << 10
	// maxRepeat limits how often one report may repeat a key.
	maxRepeat = 100

	// escapePause is the time after which an ESC with nothing behind it counts as the Esc key.
	escapePause = 30 * time.Millisecond
	// sequencePause is the time after which an unfinished sequence is given up. A slow line may split sequences.
	sequencePause = 250 * time.Millisecond
	// sequenceTime limits the total time of a sequence, whatever comes meanwhile: a key that is held down repeats within the
	// pause.
	sequenceTime = time.Second
)

// pause returns how long to wait for the end of a pending character or sequence, or 0 if none is pending.
func (in *input) pause() time.Duration {
	switch {
	case in.state == inputEscape:
		return escapePause
	case in.state != inputText || len(in.pending) > 0:
		return sequencePause
	}
	return 0
}

// expire ends a pending character or sequence because nothing came within the pause. It appends to out what is left of it: an Esc
// key, or nothing.
func (in *input) expire(out []byte) []byte {
	if in.state == inputEscape {
		out = append(out, in.pending...)
	}
	in.reset()
	return out
}

func (in *input) reset() {
	in.state, in.pending, in.dropped, in.osc = inputText, in.pending[:0], 0, in.osc[:0]
}

// feed appends to out those of the bytes just read that the library may get.
func (in *input) feed(out, read []byte, now time.Time) []byte {
	if in.pause() > 0 && now.Sub(in.since) > sequenceTime {
		out = in.expire(out)
	}
	for _, b := range read {
		if in.pause() == 0 {
			in.since = now
		}
		out = in.next(out, b)
	}
	return out
}

func (in *input) next(out []byte, b byte) []byte {
	switch in.state {
	case inputText:
		return in.text(out, b)
	case inputEscape:
		return in.escape(out, b)
	case inputSingle:
		if b < ' ' || b > '~' {
			return in.abort(out, b)
		}
		out = append(append(out, in.pending...), b)
		in.reset()
	case inputCSI:
		return in.csi(out, b)
	case inputExcess:
		in.dropped++
		switch {
		case b < ' ' || b > '~':
			return in.abort(out, b)
		case b >= '@' || in.dropped > maxString:
			in.reset()
		}
	case inputString:
		in.dropped++
		switch {
		case b == esc:
			in.state = inputStringEscape
		case b == bel:
			in.answered()
			in.reset()
		case in.dropped > maxString:
			in.reset()
		case b < 0x08 || b > 0x0d && b < ' ': // such as Ctrl-C, which is in no string
			return in.abort(out, b)
		case len(in.osc) > 0 && len(in.osc) < maxAnswer:
			in.osc = append(in.osc, b)
		}
	case inputStringEscape:
		if b == '\\' || b == bel {
			in.answered()
			in.reset()
			return out
		}
		in.state, in.pending, in.osc = inputEscape, append(in.pending[:0], esc), in.osc[:0] // the string is cut short by another sequence
		return in.escape(out, b)
	}
	return out
}

// abort drops the sequence and handles the byte by itself, except CAN and SUB, which only end a sequence.
func (in *input) abort(out []byte, b byte) []byte {
	in.reset()
	if b == can || b == sub {
		return out
	}
	return in.text(out, b)
}

func (in *input) text(out []byte, b byte) []byte {
	if len(in.pending) > 0 {
		in.pending = append(in.pending, b)
		return in.character(out)
	}
	switch {
	case b == esc:
		in.state, in.pending = inputEscape, append(in.pending, esc)
	case b < utf8.RuneSelf || in.charset == charsetOther:
		out = append(out, b)
	case in.charset == charsetUTF8:
		in.pending = append(in.pending, b)
		return in.character(out)
	}
	return out
}

// character passes on the pending bytes as soon as they are a character. If they cannot become one, it drops the first byte and
// handles the others again.
func (in *input) character(out []byte) []byte {
	if !utf8.FullRune(in.pending) {
		return out
	}
	if r, size := utf8.DecodeRune(in.pending); r != utf8.RuneError || size > 1 {
		out = append(out, in.pending...)
		in.pending = in.pending[:0]
		return out
	}
	var others [utf8.UTFMax]byte
	n := copy(others[:], in.pending[1:])
	in.pending = in.pending[:0]
	for _, b := range others[:n] {
		out = in.next(out, b)
	}
	return out
}

func (in *input) escape(out []byte, b byte) []byte {
	switch {
	case b == '[':
		in.state, in.pending = inputCSI, append(in.pending, b)
	case b == 'N' || b == 'O':
		in.state, in.pending = inputSingle, append(in.pending, b)
	case b == ']' || b == 'P' || b == 'X' || b == '^' || b == '_':
		in.state, in.pending = inputString, in.pending[:0]
		if b == ']' {
			in.osc = append(in.osc[:0], b)
		}
	case b == esc:
		return append(out, esc) // and the second one is pending
	case b < utf8.RuneSelf:
		out = append(append(out, in.pending...), b)
		in.reset()
	default: // Alt with such a character gives the character alone
		return in.abort(out, b)
	}
	return out
}

func (in *input) csi(out []byte, b byte) []byte {
	switch {
	case b == esc:
		in.state, in.pending = inputEscape, append(in.pending[:0], esc)
	case b < ' ' || b > '~':
		return in.abort(out, b)
	case b < '@' && len(in.pending) >= maxCSI:
		in.reset()
		in.state = inputExcess
	case b < '@':
		in.pending = append(in.pending, b)
	default:
		in.pending = append(in.pending, b)
		if !in.positionAnswered() && !floods(in.pending) {
			out = append(out, in.pending...)
		}
		in.reset()
	}
	return out
}

// answered keeps the OSC that ends if it is the answer to a question.
func (in *input) answered() {
	if len(in.osc) == 0 || in.asked == nil || !in.asked.background.Load() {
		return
	}
	if rgb, ok := parseBackground(in.osc[1:]); ok {
		in.asked.background.Store(false)
		in.answers = append(in.answers, Answer{Background: &rgb})
	}
}

// positionAnswered reports whether the pending CSI is the answer to a question, and keeps it then. The library would take it for a
// key (Shift-F3).
func (in *input) positionAnswered() bool {
	if in.asked == nil || !in.asked.position.Load() {
		return false
	}
	width, ok := parseWidth(in.pending)
	if ok {
		in.asked.position.Store(false)
		in.answers = append(in.answers, Answer{SymbolWidth: width})
	}
	return ok
}

// floods reports whether a sequence is a key of win32-input-mode with more repetitions than a key can have. Its form is ESC [ Vk
// ; Sc ; Uc ; Kd ; Cs ; Rc _, where any number may be missing.
func floods(sequence []byte) bool {
	parameters, ok := bytes.CutSuffix(sequence[2:], []byte("_"))
	if !ok {
		return false
	}
	// The library skips empty parameters, so that any of them may become the repeat count.
	for _, p := range bytes.Split(parameters, []byte(";")) {
		if n, err := strconv.Atoi(string(p)); len(p) > 0 && (err != nil || n > 1<<16) {
			return true
		}
	}
	fields := bytes.FieldsFunc(parameters, func(r rune) bool { return r == ';' })
	if len(fields) < 6 {
		return false
	}
	n, err := strconv.Atoi(string(fields[5]))
	return err != nil || n > maxRepeat
}
