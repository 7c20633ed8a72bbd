package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/place"
	"github.com/nsviz/nsviz/internal/probes"
)

// An unusable value is refused when it is set, with a sentence and the exit code of bad usage.
func TestFlagsThatAreRefused(t *testing.T) {
	for args, says := range map[string]string{
		"demo --duration -5s":            `"-5s" for "--duration" flag: want a duration of 0 or more`,
		"demo --duration=-1ns":           "want a duration of 0 or more",
		"demo --duration 5":              "such as 90s or 5m",
		"demo --duration 1e9h":           "such as 90s or 5m",
		"demo --duration 9999999999999h": "such as 90s or 5m",
		"replay --speed NaN f":           "want a number above 0",
		"replay --speed nan f":           "want a number above 0",
		"replay --speed Inf f":           "want a number above 0",
		"replay --speed -Inf f":          "want a number above 0",
		"replay --speed -1 f":            "want a number above 0",
		"replay --speed 0 f":             "want a number above 0",
		"replay --speed 1e-320 f":        "at least 0.001",
		"replay --speed 1e300 f":         "at most 1000000",
		"replay --speed fast f":          `"fast"`,
		"replay --speed= f":              "want a number above 0",
		"ps --log-level loud":            "debug, info, warn or error",
		"ps --log-level=":                "debug, info, warn or error",
		"ps -o yaml":                     "want table or json",
		"ps --label=":                    "want the key of a label",
		"ps --label a.b --label a_b":     "a.b and a_b would both be label_a_b",
		"ns a b":                         "wants at most one NAME",
		"ps -x":                          "see nsviz ps --help",
		"ps --kind containers":           "there are container, pod, vm, sandbox, service",
		"ps --format {{.Names}}":         "--format: no field Names; did you mean Name? (fields: Name, ID,",
		"ps --format {{":                 "--format: 1: unclosed action",
		"ps --format=":                   "want a template",
		"ps -q -o json":                  "--quiet, --format and --output exclude each other",
		"ps -q --format json":            "--quiet, --format and --output exclude each other",
		"ps -w 5":                        `--watch "5": want a duration of 200ms or more, such as 2s`,
		"ps --watch=1ms":                 "want a duration of 200ms or more",
		"ps 5s":                          `takes no argument "5s"`,
		"ps -w 5s web":                   "takes no argument",
		"ps -w --recording f":            "a recording does not change",
		"ps -a --from x --recording f":   "--from and --recording exclude each other",
		"ns -o=":                         "want tree, json, dot, mermaid or svg",
		"inspect a --fail-on bad":        "info, low, medium, high, critical",
		"why a --recording=":             "want a file",
		"why a --from=":                  "want an address or a recording",
		"events --outptu json":           "unknown flag: --outptu; did you mean --output? See nsviz events --help",
		"ps --json":                      "unknown flag: --json; did you mean -o json? See nsviz ps --help",
		"serve --json":                   "unknown flag: --json; see nsviz serve --help",
		"events --xyzzy":                 "unknown flag: --xyzzy; see nsviz events --help",
		"evnts":                          `no command "evnts"; did you mean nsviz events? See nsviz --help`,
		"inspekt a":                      "did you mean nsviz inspect?",
		"doc":                            "did you mean nsviz doctor?",
		"xyzzy":                          `no command "xyzzy"; see nsviz --help`,
		"help nope":                      `no command "nope"; see nsviz --help`,
		"help evnts":                     "did you mean nsviz events?",
		"help completion bsh":            "did you mean nsviz completion bash?",
		"completion bsh":                 "did you mean nsviz completion bash?",
	} {
		var out, stderr strings.Builder
		code := run(t.Context(), strings.Fields(args), &out, &stderr)
		if code != exitUsage || out.Len() > 0 || !strings.Contains(stderr.String(), says) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: exit code %d\n%s%s want %s", args, code, &out, &stderr, says)
		}
	}
}

// An expression that is refused is shown, with a mark below what is wrong.
func TestFiltersThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"ps", "--filter", "nam=web"}, "no field \"nam\"; did you mean name?\n  nam=web\n  ^^^\n"},
		{[]string{"ps", "--filter", "name=web", "--filter", "status=up"}, "no status \"up\" (there are created, starting, running, paused, exited)\n  status=up\n         ^^\n"},
		{[]string{"ps", "--filter", "name="}, "want a value here, as in name=VALUE\n  name=\n       ^\n"},
		{[]string{"ps", "--filter", ""}, "want a comparison or a word here\n  \n  ^\n"},
		{[]string{"ns", "--filter", "typ=net"}, "no field \"typ\"; did you mean type?\n  typ=net\n  ^^^\n"},
		{[]string{"events", "--filter", "type=oom-kill"}, "did you mean oom_kill? (there are namespace_created, namespace_joined, namespace_freed, cgroup_created, cgroup_removed, " +
			"container_started, container_entered, init_moved, container_exited, oom_kill, events_lost)\n  type=oom-kill\n       ^^^^^^^^\n"},
		{[]string{"ns", "--filter", "type=net", "-o", "dot"}, "--filter and -o dot exclude each other: a diagram is of all that its containers are in\n"},
	} {
		out, stderr, code := command(t, tt.args...)
		if code != exitUsage || out != "" || !strings.HasPrefix(stderr, "nsviz: --filter") || !strings.HasSuffix(stderr, tt.says) {
			t.Errorf("%q: exit code %d\n%s%s want\n%s", tt.args, code, out, stderr, tt.says)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	for args, says := range map[string]string{
		"--version":   "nsviz unknown (go",
		"version":     "nsviz unknown (go",
		"help":        "Usage:",
		"help events": "nsviz events [flags]",
		// The name of a demo's lesson is not a command, but there is help for it.
		"help demo start":      "nsviz demo",
		"help completion bash": "nsviz completion bash",
		"completion":           "completion",
		"help help":            "nsviz help",
		"demo --help":          "end after this long; 0 is until q or Ctrl-C\n",
		"replay --help":        "(default 1)",
		"ps --help":            `(default "table")`,
	} {
		var out, stderr strings.Builder
		if code := run(t.Context(), strings.Fields(args), &out, &stderr); code != exitDone || stderr.Len() > 0 || !strings.Contains(out.String(), says) {
			t.Errorf("%s: exit code %d\n%s%s want %s", args, code, &out, &stderr, says)
		}
	}
}

// What nsviz cannot do on this host has an exit code of its own, from whichever package.
func TestExitCodes(t *testing.T) {
	for err, want := range map[error]int{
		&place.Error{}: exitNotSupported, probes.ErrNotPermitted: exitNotSupported, probes.ErrNotSupported: exitNotSupported,
		errUnsupported{errors.ErrUnsupported}: exitNotSupported, errUsage{errors.ErrUnsupported}: exitUsage, errors.ErrUnsupported: exitFailed,
	} {
		if got := exitCode(fmt.Errorf("start: %w", err)); got != want {
			t.Errorf("%T: %d, want %d", err, got, want)
		}
	}
}
