package main

import (
	"bufio"
	"fmt"
	"os"
)

// counts holds the numbers of tests by result. A test with subtests is counted by its subtests.
type counts struct {
	passed, failed, skipped int
}

// format is read by people, and is also the format of the file, one line per run.
const format = "%d passed, %d failed, %d skipped"

func (c counts) String() string {
	return fmt.Sprintf(format, c.passed, c.failed, c.skipped)
}

// check returns an error if the run does not count as passed.
func (c counts) check(noSkips bool) error {
	switch {
	case c.failed > 0:
		return errFailed
	case c.passed+c.skipped == 0:
		return fmt.Errorf("no test ran")
	case noSkips && c.skipped > 0:
		return fmt.Errorf("%d tests were skipped, and -no-skips asks that all of them run", c.skipped)
	}
	return nil
}

func (c counts) addTo(file string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("adding the counts: %w", err)
	}
	_, err = fmt.Fprintln(f, c)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("adding the counts: %w", err)
	}
	return nil
}

func sumOf(file string) (counts, error) {
	f, err := os.Open(file)
	if err != nil {
		return counts{}, fmt.Errorf("summing up: %w", err)
	}
	defer f.Close()

	var sum counts
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var c counts
		if _, err := fmt.Sscanf(lines.Text(), format, &c.passed, &c.failed, &c.skipped); err != nil {
			return counts{}, fmt.Errorf("summing up %s: line %q: %w", file, lines.Text(), err)
		}
		sum.passed += c.passed
		sum.failed += c.failed
		sum.skipped += c.skipped
	}
	if err := lines.Err(); err != nil {
		return counts{}, fmt.Errorf("summing up: %w", err)
	}
	return sum, nil
}
