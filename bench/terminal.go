package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// monitor reads what nsviz writes to a terminal and keeps what is on the screen. It understands what is written here: text of one column a
// character, the cursor's moves, and clearing the screen.
type monitor struct {
	mu     sync.Mutex
	cells  [screenRows][screenColumns]rune
	x, y   int
	rest   []byte // the beginning of a character or a sequence
	bytes  int
	waits  func(rows []string) bool // what is waited for; nil is nothing
	came   chan time.Time           // when it came
	closed bool
}

// watchTerminal returns a monitor of a terminal, which it reads until that is closed.
func watchTerminal(terminal *os.File) *monitor {
	m := &monitor{came: make(chan time.Time, 1)}
	go func() {
		chunk := make([]byte, 64<<10)
		for {
			n, err := terminal.Read(chunk)
			m.take(chunk[:n], time.Now(), err != nil)
			if err != nil {
				return
			}
		}
	}()
	return m
}

func (m *monitor) take(chunk []byte, now time.Time, closed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes += len(chunk)
	m.rest = m.draw(append(m.rest, chunk...))
	m.closed = closed
	if m.waits != nil && (closed || m.waits(m.rows())) {
		m.waits = nil
		m.came <- now
	}
}

// draw draws what is complete, and returns what is not.
func (m *monitor) draw(in []byte) (rest []byte) {
	for len(in) > 0 {
		switch {
		case in[0] == 0x1b:
			n := m.control(in)
			if n == 0 {
				return bytes.Clone(in)
			}
			in = in[n:]
		case in[0] < ' ':
			switch in[0] {
			case '\r':
				m.x = 0
			case '\n':
				m.y++
			}
			in = in[1:]
		case !utf8.FullRune(in):
			return bytes.Clone(in)
		default:
			r, n := utf8.DecodeRune(in)
			if m.x < screenColumns && m.y < screenRows {
				m.cells[m.y][m.x] = r
			}
			m.x++
			in = in[n:]
		}
	}
	return nil
}

// control obeys the control sequence at the beginning of in, and returns its length; 0 is that it is not complete.
func (m *monitor) control(in []byte) int {
	switch {
	case len(in) < 2:
		return 0
	case in[1] == ']': // up to BEL or ST
		if end := bytes.IndexAny(in, "\a\\"); end > 0 {
			return end + 1
		}
		return 0
	case in[1] == '(' || in[1] == ')':
		return min(len(in)/3, 1) * 3
	case in[1] != '[':
		return 2
	}
	end := bytes.IndexFunc(in[2:], func(r rune) bool { return r >= '@' && r <= '~' })
	if end < 0 {
		return 0
	}
	numbers := strings.Split(string(in[2:2+end]), ";")
	number := func(i int) int {
		if i < len(numbers) {
			if n, err := strconv.Atoi(numbers[i]); err == nil && n > 0 {
				return n
			}
		}
		return 1
	}
	switch in[2+end] {
	case 'H':
		m.y, m.x = number(0)-1, number(1)-1
	case 'J':
		m.cells = [screenRows][screenColumns]rune{}
	}
	return 2 + end + 1
}

func (m *monitor) rows() []string {
	rows := make([]string, screenRows)
	for y := range rows {
		var b strings.Builder
		for _, r := range m.cells[y] {
			b.WriteRune(max(r, ' '))
		}
		rows[y] = b.String()
	}
	return rows
}

// expect has the monitor note when the screen is as wanted. It has to be called before what makes it so.
func (m *monitor) expect(is func(rows []string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waits = is
	select {
	case <-m.came:
	default:
	}
}

// awaitPatience limits the wait for something on the screen.
const awaitPatience = 10 * time.Second

// await waits until what is expected is on the screen, and returns when it was.
func (m *monitor) await(what string) (time.Time, error) {
	select {
	case at := <-m.came:
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.closed {
			return at, fmt.Errorf("nsviz ended before there was %s", what)
		}
		return at, nil
	case <-time.After(awaitPatience):
		m.mu.Lock()
		defer m.mu.Unlock()
		return time.Time{}, fmt.Errorf("after %v there is no %s on the screen:\n%s", awaitPatience, what, strings.Join(m.rows(), "\n"))
	}
}

// shows returns what expect takes: that a row has all of these words.
func shows(words ...string) func(rows []string) bool {
	return func(rows []string) bool {
		for _, row := range rows {
			all := true
			for _, word := range words {
				all = all && strings.Contains(row, word)
			}
			if all {
				return true
			}
		}
		return false
	}
}
