package runtime

import (
	"path"
	"slices"
	"strings"
)

// CommandLine is what the command line of a runtime's process says of what the process isolates. "" is unknown.
type CommandLine struct {
	// Name is what the user calls it.
	Name string
	// Program is the file name of what runs in it.
	Program string
}

// Describes returns the row of the runtime whose process calls itself so and has a command line that describes what it isolates. It
// returns false if there is none.
func Describes(comm string) (Runtime, bool) {
	is := func(name string) bool { return comm == name[:min(len(name), maxComm)] }
	for i := range table {
		p := &table[i].Processes
		if table[i].ReadCommandLine != nil && (slices.ContainsFunc(p.Sandbox, is) || slices.ContainsFunc(p.Creator, is)) {
			return table[i], true
		}
	}
	return Runtime{}, false
}

// bwrapOperands is how many arguments the options of bwrap have (containers/bubblewrap, bubblewrap.c). Those that are not here have none.
var bwrapOperands = map[string]int{
	"--args": 1, "--argv0": 1, "--userns": 1, "--userns2": 1, "--pidns": 1, "--uid": 1, "--gid": 1, "--hostname": 1, "--chdir": 1,
	"--unsetenv": 1, "--lock-file": 1, "--sync-fd": 1, "--remount-ro": 1, "--exec-label": 1, "--file-label": 1, "--proc": 1, "--dev": 1,
	"--tmpfs": 1, "--mqueue": 1, "--dir": 1, "--seccomp": 1, "--add-seccomp-fd": 1, "--block-fd": 1, "--userns-block-fd": 1, "--info-fd": 1,
	"--json-status-fd": 1, "--cap-add": 1, "--cap-drop": 1, "--perms": 1, "--size": 1, "--overlay-src": 1, "--tmp-overlay": 1,
	"--ro-overlay": 1, "--setenv": 2, "--bind": 2, "--bind-try": 2, "--dev-bind": 2, "--dev-bind-try": 2, "--ro-bind": 2,
	"--ro-bind-try": 2, "--bind-fd": 2, "--ro-bind-fd": 2, "--file": 2, "--bind-data": 2, "--ro-bind-data": 2, "--symlink": 2, "--chmod": 2,
	"--overlay": 3,
}

func bwrapLine(args []string) CommandLine {
	for len(args) > 0 && strings.HasPrefix(args[0], "--") {
		option := args[0]
		args = args[min(1+bwrapOperands[option], len(args)):]
		if option == "--" {
			break
		}
	}
	return CommandLine{Program: program(args)}
}

// firejailLine reads options that have their values behind a "=".
func firejailLine(args []string) CommandLine {
	var l CommandLine
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		option := args[0]
		args = args[1:]
		if option == "--" {
			break
		}
		if name, ok := strings.CutPrefix(option, "--name="); ok {
			l.Name = name
		}
	}
	l.Program = program(args)
	return l
}

// nspawnLetters are the options of systemd-nspawn of one letter that have a value, nspawnOperands the long ones (systemd,
// src/nspawn/nspawn.c). The value may be an argument of its own.
const nspawnLetters = "DEiLMpSuZ"

var nspawnOperands = []string{
	"--directory", "--template", "--image", "--root-hash", "--root-hash-sig", "--verity-data", "--oci-bundle", "--pivot-root", "--chdir",
	"--setenv", "--user", "--kill-signal", "--machine", "--hostname", "--uuid", "--slice", "--property", "--private-users-ownership",
	"--network-interface", "--network-macvlan", "--network-ipvlan", "--network-bridge", "--network-zone", "--network-namespace-path",
	"--port", "--selinux-context", "--selinux-apifs-context", "--capability", "--drop-capability", "--ambient-capability",
	"--system-call-filter", "--rlimit", "--oom-score-adjust", "--cpu-affinity", "--personality", "--resolv-conf", "--timezone",
	"--link-journal", "--bind", "--bind-ro", "--inaccessible", "--tmpfs", "--overlay", "--overlay-ro", "--console", "--load-credential",
	"--set-credential",
}

// nspawnLine reads the name of the machine. Without one nspawn calls the machine by its directory or its image.
func nspawnLine(args []string) CommandLine {
	values := map[string]string{}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "--" {
		option, value, operand := nspawnOption(args[0])
		args = args[1:]
		if operand && value == "" && len(args) > 0 {
			value, args = args[0], args[1:]
		}
		values[option] = value
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	l := CommandLine{Program: program(args)}
	for _, option := range []string{"-M", "--machine", "-i", "--image", "-D", "--directory"} {
		if value := values[option]; value != "" && l.Name == "" {
			l.Name = strings.TrimSuffix(path.Base(value), ".raw")
		}
	}
	if l.Name == "/" || l.Name == "." {
		l.Name = ""
	}
	return l
}

// nspawnOption takes an argument apart. operand reports whether the option has a value, which is in the next argument if it is not here. Of
// several letters the first one that has a value is the last one.
func nspawnOption(arg string) (option, value string, operand bool) {
	if strings.HasPrefix(arg, "--") {
		option, value, _ = strings.Cut(arg, "=")
		return option, value, slices.Contains(nspawnOperands, option)
	}
	at := strings.IndexAny(arg, nspawnLetters)
	if at < 0 {
		return arg, "", false
	}
	return "-" + arg[at:at+1], arg[at+1:], true
}

// program returns the file name of the program that a command runs; "" is none.
func program(command []string) string {
	if len(command) == 0 || command[0] == "" {
		return ""
	}
	return path.Base(command[0])
}
