package terminal

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/text/encoding"
)

// Device is the terminal of the process.
const Device = "/dev/tty"

// The largest screen that is drawn. A terminal may report any size, up to 65,535 columns and rows, and a screen of that size
// would take all memory.
const (
	maxColumns = 1024
	maxRows    = 512
)

// hurry limits how long writing may still take once the end has begun.
const hurry = 500 * time.Millisecond

// Options configure a Terminal.
type Options struct {
	// Path is the terminal's device file.
	Path string
	// Columns and Rows are the size to use if the terminal does not report one; 0 means 80 and 24.
	Columns, Rows int
	// Encoding returns the encoding of what is typed, nil for UTF-8. It is called when the first bytes are read. A nil Encoding
	// means UTF-8.
	Encoding func() encoding.Encoding
	// Answered is called for each answer to Ask, by the goroutine that reads; nil ignores them. It must not block.
	Answered func(Answer)
	// Guard is the command of a process that calls Guard and restores the terminal if this one dies. Nil means none.
	Guard []string
}

// Terminal is a terminal that is taken over from Start to Stop. It is safe for concurrent use.
type Terminal struct {
	options Options
	file    *os.File // non-blocking, so that deadlines end waiting calls
	saved   *unix.Termios
	guard   *guard

	// Input that Read has not passed on yet.
	input input
	ready []byte

	asked asked

	mu       sync.Mutex
	ended    bool // no more reading
	writable time.Time
	lost     bool // something was not written
	resized  func()
	signals  chan os.Signal
	watching sync.WaitGroup
}

// Open opens a terminal and saves its settings. It changes nothing yet.
func Open(o Options) (*Terminal, error) {
	file, err := os.OpenFile(o.Path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	t := &Terminal{options: o, file: file}
	t.input.asked = &t.asked
	if t.saved, err = t.settings(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is no terminal: %w", o.Path, err), file.Close())
	}
	return t, nil
}

// control runs f with the file descriptor. os.File.Fd would make deadlines ineffective.
func (t *Terminal) control(f func(fd int) error) error {
	connection, err := t.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := connection.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}

func (t *Terminal) settings() (settings *unix.Termios, err error) {
	err = t.control(func(fd int) error {
		settings, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return settings, err
}

// apply changes the terminal's settings at once. TCSETSW would wait until somebody reads what was written.
func (t *Terminal) apply(settings *unix.Termios) error {
	return t.control(func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, settings) })
}

// raw returns the settings of cfmakeraw(3).
func raw(from *unix.Termios) *unix.Termios {
	s := *from
	s.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	s.Oflag &^= unix.OPOST
	s.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	s.Cflag &^= unix.CSIZE | unix.PARENB
	s.Cflag |= unix.CS8
	s.Cc[unix.VMIN], s.Cc[unix.VTIME] = 1, 0
	return &s
}

// Start takes the terminal over: input comes at once and is not echoed. It may be called again after Stop.
func (t *Terminal) Start() error {
	t.mu.Lock()
	t.ended = false
	t.mu.Unlock()
	if len(t.options.Guard) > 0 {
		if g, err := startGuard(t.options.Guard, t); err == nil { // drawing goes on without a guard
			t.mu.Lock()
			t.guard = g
			t.mu.Unlock()
		}
	}
	if err := t.apply(raw(t.saved)); err != nil {
		t.releaseGuard()
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	signals := make(chan os.Signal, 1)
	t.signals = signals
	signal.Notify(signals, unix.SIGWINCH)
	t.watching.Go(func() {
		for range signals {
			t.mu.Lock()
			resized := t.resized
			t.mu.Unlock()
			if resized != nil {
				resized()
			}
		}
	})
	return nil
}

// NotifyResize sets the function to call when the terminal's size changes; nil means none.
func (t *Terminal) NotifyResize(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.resized = f
}

// Size returns the columns and rows to draw on.
func (t *Terminal) Size() (columns, rows int, err error) {
	var size *unix.Winsize
	err = t.control(func(fd int) error {
		size, err = unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	columns, rows = int(size.Col), int(size.Row)
	if columns == 0 {
		columns = t.options.Columns
	}
	if columns <= 0 {
		columns = 80
	}
	if rows == 0 {
		rows = t.options.Rows
	}
	if rows <= 0 {
		rows = 24
	}
	return min(columns, maxColumns), min(rows, maxRows), nil
}

// Side returns a number of columns or rows from an environment variable, or 0 if it has none.
func Side(variable string) int {
	n, err := strconv.Atoi(variable)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Read returns what was typed, without what the library could not handle. It blocks until something is typed, or until Drain.
func (t *Terminal) Read(p []byte) (int, error) {
	var buffer [128]byte
	for len(t.ready) == 0 {
		if err := t.waitFor(t.input.pause()); err != nil {
			return 0, err
		}
		n, err := t.file.Read(buffer[:])
		if n > 0 {
			t.input.charset = t.charset()
			t.ready = t.input.feed(t.ready[:0], buffer[:n], time.Now())
			for _, a := range t.input.answers {
				if t.options.Answered != nil {
					t.options.Answered(a)
				}
			}
			t.input.answers = t.input.answers[:0]
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		t.ready = t.input.expire(t.ready[:0])
	}
	n := copy(p, t.ready)
	t.ready = t.ready[n:]
	return n, nil
}

// waitFor limits the next read to pause, if that is not 0.
func (t *Terminal) waitFor(pause time.Duration) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return os.ErrDeadlineExceeded
	}
	var deadline time.Time
	if pause > 0 {
		deadline = time.Now().Add(pause)
	}
	return t.file.SetReadDeadline(deadline)
}

func (t *Terminal) charset() charset {
	if t.options.Encoding == nil {
		return charsetUTF8
	}
	return charsetOf(t.options.Encoding())
}

// charsetOf finds out how an encoding uses the eighth bit.
func charsetOf(e encoding.Encoding) charset {
	if e == nil {
		return charsetUTF8
	}
	switch text, err := e.NewDecoder().Bytes([]byte("\xc3\xa9")); {
	case err == nil && string(text) == "é":
		return charsetUTF8
	case err == nil && string(text) == "\ufffd\ufffd":
		return charsetASCII
	}
	return charsetOther
}

// Write blocks as long as nobody reads. After Hurry it fails soon instead.
func (t *Terminal) Write(p []byte) (int, error) {
	n, err := t.file.Write(p)
	if err != nil {
		t.mu.Lock()
		t.lost = true
		t.mu.Unlock()
	}
	return n, err
}

// Hurry limits the time that writing may still take, because the end has begun.
func (t *Terminal) Hurry() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.writable.IsZero() {
		t.writable = time.Now().Add(hurry)
		_ = t.file.SetWriteDeadline(t.writable) // cannot fail for a terminal
	}
}

// Drain makes Read end.
func (t *Terminal) Drain() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	return t.file.SetReadDeadline(time.Now())
}

// Stop restores the terminal after the library has written its final output.
func (t *Terminal) Stop() error {
	t.takeAnswers()
	err := t.giveBack()
	t.mu.Lock()
	lost := t.lost
	t.mu.Unlock()
	if lost {
		t.reset()
	}
	t.releaseGuard()
	return err
}

// Abandon restores the terminal while the library does not answer. Its writes fail from here on.
func (t *Terminal) Abandon() error {
	err := t.giveBack()
	t.reset()
	t.releaseGuard()
	_ = t.file.Close() // ends pending reads and writes
	return err
}

func (t *Terminal) giveBack() error {
	t.ignoreResizes()
	return t.apply(t.saved)
}

func (t *Terminal) ignoreResizes() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.signals != nil {
		signal.Stop(t.signals)
		close(t.signals)
		t.signals = nil
	}
}

func (t *Terminal) releaseGuard() {
	t.mu.Lock()
	g := t.guard
	t.guard = nil
	t.mu.Unlock()
	if g != nil {
		g.release()
	}
}

// Close closes the terminal without restoring it.
func (t *Terminal) Close() error {
	t.ignoreResizes()
	t.watching.Wait()
	return t.file.Close()
}

// leave ends everything that the library may have begun: a sequence or a synchronized frame that was cut short, reports of the
// mouse, of pastes, of the focus and of keys in other forms, colours, line drawing, a hidden cursor, and last the alternate
// screen.
const leave = "\x18\x1b\\\x1b[?2026l" + "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?1004l" +
	"\x1b[?9001l\x1b[<u\x1b[>4;0m" + "\x1b[0m\x1b(B\x0f\x1b[?7h\x1b[?1l\x1b>" + "\x1b[?25h" + "\x1b[?1049l"

// reset writes leave in place of the output that waits to be read. Then there is room even if nobody reads, and whoever reads
// later finds the terminal restored.
func (t *Terminal) reset() {
	_ = t.control(func(fd int) error {
		if err := unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH); err != nil {
			return err
		}
		_, err := unix.Write(fd, []byte(leave)) // does not block
		return err
	})
}
