package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/metrics"
)

// version is set by the linker (see Makefile).
var version = "unknown"

func build() metrics.BuildInfo {
	b := metrics.BuildInfo{Version: version, GoVersion: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Revision = s.Value
			}
		}
	}
	return b
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

// newMan writes the man pages; `make install` calls it.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Hidden: true, Args: arguments("DIR"),
		Short: "Write the man pages into a directory",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			cmd.Root().DisableAutoGenTag = true
			return doc.GenManTree(cmd.Root(), &doc.GenManHeader{Section: "8", Source: "nsviz " + version}, args[0])
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
