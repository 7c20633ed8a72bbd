package terminal

import (
	"bytes"
	"strconv"
	"time"
)

// Answer is what a terminal answered to Ask. One of the fields is set.
type Answer struct {
	// Background is the colour behind the text, 0xRRGGBB; nil if this answer is about something else.
	Background *int32
	// SymbolWidth is the number of columns that a character of ambiguous width takes, such as ●: 1, or 2 in terminals that are
	// set up for Chinese, Japanese or Korean; 0 if this answer is about something else.
	SymbolWidth int
}

const (
	// askBackground asks for the colour of the background (OSC 11 of xterm's control sequences).
	askBackground = "\x1b]11;?\x1b\\"
	// askWidth draws a symbol in the first column and asks where the cursor is after it (CPR). It leaves the place blank.
	askWidth = "\x1b[H●\x1b[6n\x1b[H\x1b[K"

	// maxAnswer is longer than any colour.
	maxAnswer = 64

	// answerPatience is how long after a question the terminal is not given back without the answer, which the shell would take for
	// what somebody typed. Some terminals never answer.
	answerPatience = 300 * time.Millisecond
)

// Ask asks the terminal for its background, and, where it shows UTF-8, for the width of symbols. Answers come to Options.Answered,
// at any time or never. The screen must be redrawn after Ask, since a symbol is drawn and erased.
func (t *Terminal) Ask() error {
	question := askBackground
	if t.charset() == charsetUTF8 {
		question += askWidth
		t.asked.position.Store(true)
	}
	t.asked.background.Store(true)
	t.asked.at.Store(time.Now().UnixNano())
	_, err := t.Write([]byte(question))
	return err
}

// takeAnswers reads the answers to what was asked just now, and drops them. Nobody else reads by then.
func (t *Terminal) takeAnswers() {
	deadline := time.Unix(0, t.asked.at.Load()).Add(answerPatience)
	if t.asked.none() || time.Now().After(deadline) || t.file.SetReadDeadline(deadline) != nil {
		return
	}
	var buffer [128]byte
	for !t.asked.none() {
		n, err := t.file.Read(buffer[:])
		if n == 0 || err != nil {
			return
		}
		_ = t.input.feed(nil, buffer[:n], time.Now())
	}
}

// parseBackground returns the colour in the answer to askBackground, such as 11;rgb:1616/1818/1c1c.
func parseBackground(osc []byte) (rgb int32, ok bool) {
	text, ok := bytes.CutPrefix(osc, []byte("11;rgb:"))
	if !ok {
		if text, ok = bytes.CutPrefix(osc, []byte("11;rgba:")); !ok {
			return 0, false
		}
	}
	parts := bytes.Split(text, []byte("/"))
	if len(parts) < 3 || len(parts) > 4 {
		return 0, false
	}
	for _, part := range parts[:3] {
		n, err := strconv.ParseUint(string(part), 16, 16)
		if err != nil || len(part) > 4 {
			return 0, false
		}
		most := uint64(1)<<(4*len(part)) - 1 // one to four digits, all of them f is full brightness
		rgb = rgb<<8 | int32(n*0xff/most)
	}
	return rgb, true
}

// parseWidth returns how many columns the symbol of askWidth took, by the place of the cursor after it: ESC [ ROW ; COLUMN R.
func parseWidth(csi []byte) (width int, ok bool) {
	text, ok := bytes.CutSuffix(csi, []byte("R"))
	if !ok {
		return 0, false
	}
	_, column, ok := bytes.Cut(bytes.TrimPrefix(text, []byte("\x1b[")), []byte(";"))
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(string(column))
	if err != nil || n < 2 || n > 3 {
		return 0, false
	}
	return n - 1, true
}
