// Command tally reads the stream of `go test -json` on standard input and prints a summary for people:
// go test's closing line of every package, and everything that failed or was skipped.
// Its last line is the plain sum, "N passed, N failed, N skipped". It exits 1 when a test failed, or
// when none ran at all: a run that tests nothing proves nothing.
//
// With -add FILE the counts are added to those in the file, so that several runs can have one sum;
// tally -sum FILE prints that sum, and fails as the runs would have.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// errFailed reports a failed run whose output already has the reason.
var errFailed = errors.New("failed")

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tally", flag.ContinueOnError)
	flags.SetOutput(stderr)
	verbose := flags.Bool("v", false, "print the closing line of every test")
	noSkips := flags.Bool("no-skips", false, "a skipped test fails the run")
	add := flags.String("add", "", "add the counts to those in `file`")
	sum := flags.String("sum", "", "read no tests, print the sum of the counts in `file`")
	if err := flags.Parse(args); err != nil {
		return 2
	}

	var err error
	if *sum != "" {
		err = printSum(stdout, *sum, *noSkips)
	} else {
		err = tally(stdin, stdout, *verbose, *noSkips, *add)
	}
	switch {
	case err == nil:
		return 0
	case !errors.Is(err, errFailed):
		fmt.Fprintf(stderr, "tally: %v\n", err)
	}
	return 1
}

func tally(in io.Reader, out io.Writer, verbose, noSkips bool, file string) error {
	counts, err := newReader(out, verbose).read(in)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, counts)
	if file != "" {
		if err := counts.addTo(file); err != nil {
			return err
		}
	}
	return counts.check(noSkips)
}

func printSum(out io.Writer, file string, noSkips bool) error {
	counts, err := sumOf(file)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, counts)
	return counts.check(noSkips)
}
