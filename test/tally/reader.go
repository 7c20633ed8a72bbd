package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is a line of `go test -json`, as `go doc test2json` and `go help buildjson` describe it.
type event struct {
	Action     string
	Package    string
	ImportPath string // for build events, which have no Package
	Test       string
	Output     string
}

type reader struct {
	out      io.Writer
	verbose  bool
	packages map[string]*pkg
	counts   counts
}

// pkg is a package whose tests are running.
type pkg struct {
	output strings.Builder // output that belongs to no test
	tests  map[string]*test
	failed bool // one of its tests failed
}

// test is a test that is running or has subtests.
type test struct {
	output    strings.Builder
	parent    bool // it has subtests
	ended     bool
	subfailed bool // a subtest failed
}

func newReader(out io.Writer, verbose bool) *reader {
	return &reader{out: out, verbose: verbose, packages: make(map[string]*pkg)}
}

func (r *reader) read(in io.Reader) (counts, error) {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.line(line)
		}
		if err == io.EOF {
			r.abandoned()
			return r.counts, nil
		}
		if err != nil {
			return counts{}, fmt.Errorf("reading the test results: %w", err)
		}
	}
}

func (r *reader) line(line string) {
	var e event
	if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
		fmt.Fprint(r.out, line) // a message of the go command itself
		return
	}
	switch {
	case e.Action == "build-output":
		fmt.Fprint(r.out, e.Output)
	case e.Action == "build-fail": // the package's failure follows
	case e.Test != "":
		r.testEvent(r.pkg(e.Package), e)
	default:
		r.packageEvent(r.pkg(e.Package), e)
	}
}

func (r *reader) pkg(name string) *pkg {
	p := r.packages[name]
	if p == nil {
		p = &pkg{tests: make(map[string]*test)}
		r.packages[name] = p
	}
	return p
}

func (p *pkg) test(name string) *test {
	t := p.tests[name]
	if t == nil {
		t = &test{}
		p.tests[name] = t
		if parent := p.parentOf(name); parent != nil {
			parent.parent = true
		}
	}
	return t
}

// parentOf finds the test that a subtest belongs to; nil is none. A subtest's own name may contain slashes. Its parent has
// begun before it, so the parent is the known test with the longest matching name.
func (p *pkg) parentOf(name string) *test {
	for i := strings.LastIndexByte(name, '/'); i >= 0; i = strings.LastIndexByte(name, '/') {
		name = name[:i]
		if t := p.tests[name]; t != nil {
			return t
		}
	}
	return nil
}

func (r *reader) testEvent(p *pkg, e event) {
	t := p.test(e.Test)
	switch e.Action {
	case "output":
		if !isProgress(e.Output) {
			t.output.WriteString(e.Output)
		}
	case "pass", "skip", "fail":
		t.ended = true
		r.count(p, t, e)
		r.show(t, e.Action)
	}
}

// isProgress reports whether a line of go test -v only shows progress, not a result.
func isProgress(line string) bool {
	for _, prefix := range []string{"=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME "} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

func (r *reader) count(p *pkg, t *test, e event) {
	switch {
	case e.Action == "fail":
		r.fail(p, t, e.Test)
	case e.Action == "skip":
		r.counts.skipped++
	case !t.parent:
		r.counts.passed++
	}
}

func (r *reader) show(t *test, action string) {
	switch {
	case action != "pass":
		fmt.Fprint(r.out, t.output.String())
	case r.verbose:
		for line := range strings.Lines(t.output.String()) {
			if strings.HasPrefix(strings.TrimLeft(line, " "), "--- ") {
				fmt.Fprint(r.out, line)
			}
		}
	}
	t.output.Reset()
}

func (r *reader) packageEvent(p *pkg, e event) {
	switch e.Action {
	case "output":
		p.output.WriteString(e.Output)
	case "pass", "skip":
		// For a package that passed, go test prints only the closing line.
		for line := range strings.Lines(p.output.String()) {
			if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "? ") {
				fmt.Fprint(r.out, line)
			}
		}
		delete(r.packages, e.Package)
	case "fail":
		r.cutShort(p)
		fmt.Fprint(r.out, p.output.String())
		delete(r.packages, e.Package)
	}
}

// cutShort counts what go test does not count: the tests that were running when their process died, and a package that failed
// without any test, such as one that does not build.
func (r *reader) cutShort(p *pkg) {
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(p.tests))) { // subtests first
		t := p.tests[name]
		if t.ended {
			continue
		}
		fmt.Fprint(r.out, t.output.String())
		if !t.subfailed {
			fmt.Fprintf(r.out, "--- FAIL: %s (did not end)\n", name)
		}
		r.fail(p, t, name)
	}
	if !p.failed {
		r.counts.failed++
	}
}

// fail counts a failed test, unless it failed only because of a subtest.
func (r *reader) fail(p *pkg, t *test, name string) {
	p.failed = true
	if parent := p.parentOf(name); parent != nil {
		parent.subfailed = true
	}
	if !t.subfailed {
		r.counts.failed++
	}
}

// abandoned counts the packages that the stream never closed, because go test itself was killed.
func (r *reader) abandoned() {
	for _, name := range slices.Sorted(maps.Keys(r.packages)) {
		r.cutShort(r.packages[name])
		fmt.Fprintf(r.out, "FAIL\t%s [cut short]\n", name)
	}
}
