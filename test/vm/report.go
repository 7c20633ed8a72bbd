//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// marker begins the lines from the guest to the runner; see test/vm/guest.
const marker = "::nsviz-vm:: "

// report turns the serial output of a machine into test events.
type report struct {
	machine string
	out     io.Writer
	began   time.Time

	up, done bool
	failure  string // the guest's report of what went wrong
	current  *conversion

	mu    sync.Mutex // guards other
	other []string   // the last lines that belong to no test, such as a panic
}

// conversion is the package whose tests are running.
type conversion struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

func newReport(machine string, out io.Writer) *report {
	return &report{machine: machine, out: out, began: time.Now()}
}

// read reads the serial output to its end.
func (r *report) read(serial io.Reader) {
	lines := bufio.NewReader(serial)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.line(strings.TrimRight(line, "\r\n"))
		}
		if err != nil {
			return
		}
	}
}

func (r *report) line(line string) {
	said, ok := strings.CutPrefix(line, marker)
	if !ok {
		if r.current != nil {
			_, _ = io.WriteString(r.current.in, line+"\n")
		} else {
			r.keep(line)
		}
		return
	}
	what, rest, _ := strings.Cut(said, " ")
	switch what {
	case "up":
		r.up = true
	case "ready":
		r.keep(fmt.Sprintf("ready after %.1f s", time.Since(r.began).Seconds()))
	case "begin":
		r.begin(rest)
	case "end":
		name, rest, _ := strings.Cut(rest, " ")
		milliseconds, result, _ := strings.Cut(rest, " ")
		r.end(name, milliseconds, result)
	case "failed":
		r.failure = rest
	case "done":
		r.done = true
	}
}

func (r *report) keep(line string) {
	const lines = 60
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.other = append(r.other, line); len(r.other) > lines {
		r.other = r.other[1:]
	}
}

// noise returns a writer for QEMU's own output.
func (r *report) noise() io.Writer {
	read, write := io.Pipe()
	go func() {
		lines := bufio.NewScanner(read)
		for lines.Scan() {
			r.keep(lines.Text())
		}
	}()
	return write
}

func (r *report) pkg(name string) string { return "vm/" + r.machine + "/" + name }

// begin starts `go tool test2json` to read the output of a package's tests.
func (r *report) begin(name string) {
	cmd := exec.Command("go", "tool", "test2json", "-t", "-p", r.pkg(name))
	cmd.Stdout = &lineWriter{w: r.out}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		r.failure = err.Error()
		return
	}
	r.current = &conversion{cmd: cmd, in: in}
}

// end closes a package in the format of go test.
func (r *report) end(name, milliseconds, result string) {
	if r.current == nil {
		return
	}
	took, _ := strconv.ParseFloat(milliseconds, 64)
	if result == "0" {
		fmt.Fprintf(r.current.in, "ok  \t%s\t%.3fs\n", r.pkg(name), took/1000)
	} else {
		fmt.Fprintf(r.current.in, "%s\nFAIL\t%s\t%.3fs\n", result, r.pkg(name), took/1000)
	}
	r.finish()
}

func (r *report) finish() {
	if r.current == nil {
		return
	}
	_ = r.current.in.Close()
	if err := r.current.cmd.Wait(); err != nil {
		r.failure = "test2json: " + err.Error()
	}
	r.current = nil
}

// died handles QEMU's exit.
func (r *report) died(err error) {
	r.finish()
	switch {
	case r.failure != "" || r.done && err == nil:
	case err != nil:
		r.failure = err.Error()
	case r.up:
		r.failure = "it went off before its tests were done"
	default:
		r.failure = "it did not boot"
	}
}

// close writes the result of the machine itself.
func (r *report) close() {
	pkg := "vm/" + r.machine
	took := time.Since(r.began).Seconds()
	result, mark := "pass", "ok  "
	r.emit(map[string]any{"Action": "run", "Package": pkg, "Test": "Boot"})
	if r.failure != "" {
		result, mark = "fail", "FAIL"
		r.mu.Lock()
		for _, line := range append(r.other, r.failure) {
			r.emit(map[string]any{"Action": "output", "Package": pkg, "Test": "Boot", "Output": "    " + line + "\n"})
		}
		r.mu.Unlock()
	}
	r.emit(map[string]any{
		"Action": "output", "Package": pkg, "Test": "Boot",
		"Output": fmt.Sprintf("--- %s: Boot (%.2fs)\n", strings.ToUpper(result), took),
	})
	r.emit(map[string]any{"Action": result, "Package": pkg, "Test": "Boot", "Elapsed": took})
	r.emit(map[string]any{"Action": "output", "Package": pkg, "Output": fmt.Sprintf("%s\t%s\t%.3fs\n", mark, pkg, took)})
	r.emit(map[string]any{"Action": result, "Package": pkg, "Elapsed": took})
}

func (r *report) emit(event map[string]any) {
	line, _ := json.Marshal(event) // strings and numbers always encode
	_, _ = r.out.Write(append(line, '\n'))
}

// lineWriter passes on complete lines, one at a time.
type lineWriter struct {
	w    io.Writer
	rest []byte
}

func (l *lineWriter) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for i := len(l.rest) - 1; i >= 0; i-- {
		if l.rest[i] == '\n' {
			_, err := l.w.Write(l.rest[:i+1])
			l.rest = append(l.rest[:0], l.rest[i+1:]...)
			return len(p), err
		}
	}
	return len(p), nil
}
