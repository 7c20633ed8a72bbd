// Command packages makes what nsviz is installed from: deb and rpm packages, container images, binaries, lists of their parts (SBOM) and
// checksums. It is a module of its own, so that nsviz depends on nothing that only makes packages. Run it by make:
//
//	go -C deploy/packages run . -source ../.. -out ../../dist packages|images|release
//
// The same source, version, time and Go give the same bytes, wherever they are built.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stderr))
}

func run(ctx context.Context, args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("packages", flag.ContinueOnError)
	flags.SetOutput(stderr)
	r := release{goTool: "go", log: stderr}
	flags.StringVar(&r.source, "source", "../..", "the `folder` of nsviz's go.mod")
	flags.StringVar(&r.out, "out", "../../dist", "the `folder` to write to")
	flags.StringVar(&r.described, "version", "", "the version, as git describe has it")
	flags.StringVar(&r.revision, "revision", "", "the commit")
	epoch := flags.Int64("epoch", 0, "the time that all files have, in `seconds` since 1970")
	architectures := flags.String("arch", "amd64,arm64", "the architectures, separated by commas")
	formats := flags.String("formats", "deb,rpm", "the formats of packages, separated by commas")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	r.architectures, r.formats, r.time = strings.Split(*architectures, ","), strings.Split(*formats, ","), time.Unix(*epoch, 0).UTC()
	steps, ok := map[string][]func(context.Context) error{
		"packages": {r.packages},
		"images":   {r.images},
		"release":  {r.packages, r.images, r.binaries, r.boms, r.checksums},
	}[flags.Arg(0)]
	if !ok || flags.NArg() != 1 {
		fmt.Fprintln(stderr, "usage: packages [-version V] [-revision COMMIT] [-epoch SECONDS] [-out DIR] packages|images|release")
		return 2
	}
	if err := r.all(ctx, steps); err != nil {
		fmt.Fprintln(stderr, "packages:", err)
		return 1
	}
	return 0
}

// all builds the binaries in a folder of its own and takes the steps.
func (r *release) all(ctx context.Context, steps []func(context.Context) error) (err error) {
	if r.out, err = filepath.Abs(r.out); err != nil {
		return err
	}
	if r.source, err = filepath.Abs(r.source); err != nil {
		return err
	}
	if r.work, err = os.MkdirTemp("", "nsviz-packages-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	if err := r.build(ctx); err != nil {
		return err
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
