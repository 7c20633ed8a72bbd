package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/metrics"
)

// version and revision are set by the linker (see Makefile): what git describes, and the commit.
var version, revision string

// build returns what this binary was built from.
func build() metrics.BuildInfo {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return buildInfo(version, revision, info)
}

// buildInfo returns what a binary was built from: the values that the linker set, else those that the go command recorded. `go install MODULE@VERSION`
// records the module's version, and `go build` in a clone the tag or a pseudo-version.
func buildInfo(version, revision string, recorded *debug.BuildInfo) metrics.BuildInfo {
	if version == "" && recorded.Main.Version != "(devel)" {
		version = recorded.Main.Version
	}
	for _, s := range recorded.Settings {
		if s.Key == "vcs.revision" && revision == "" {
			revision = s.Value
		}
	}
	// A tag is v1.2.3, a version 1.2.3.
	if len(version) > 1 && version[0] == 'v' && '0' <= version[1] && version[1] <= '9' {
		version = version[1:]
	}
	return metrics.BuildInfo{Version: cmp.Or(version, "unknown"), Revision: revision, GoVersion: runtime.Version()}
}

func versionLine() string {
	b := build()
	return fmt.Sprintf("nsviz %s (%s, %s/%s)", b.Version, b.GoVersion, runtime.GOOS, runtime.GOARCH)
}

func newVersion(s *streams) *cobra.Command {
	return &cobra.Command{
		Use: "version", GroupID: groupHelp, Args: noArguments,
		Short: "Print the version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(s.out, versionLine())
			return err
		},
	}
}

// newDemoInside returns the command that runs inside the containers of the demos.
func newDemoInside(s *streams) *cobra.Command {
	return &cobra.Command{
		Use: demo.Command, Hidden: true, DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error { return demo.Inside(args, s.out) },
	}
}
