package pages

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// within are programs of this repository that pages call by their path. bash looks for all others on its PATH, and finds none there.
var within = []string{"bin/nsviz", "bin/bench", ".ci/run", "test/all", "test/lint", "test/setup", "test/with-engine"}

// instead has every program write its words in its place: one of them a line's end alone, after the last one. sudo and nohup run another program.
const instead = `PATH=/nonexistent
command_not_found_handle() {
	while [[ $1 == sudo || $1 == nohup ]]; do shift; done
	case $1 in
	bin/nsviz) printf '%s\0' nsviz "${@:2}" $'\n' >>"$words" ;;
	*) printf '%s\0' "$@" $'\n' >>"$words" ;;
	esac
}
`

// Programs has bash read a command, and returns the words of each program in it, its name first. No program runs: each of them writes its
// words instead. Left out are sudo and nohup; bin/nsviz is called nsviz. The nsviz that docker or kubectl run in a container comes after those.
func Programs(ctx context.Context, command string) ([][]string, error) {
	dir, err := os.MkdirTemp("", "nsviz-pages-") // also for the files that the command would make
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	script := instead
	for _, program := range within {
		script += program + "() { command_not_found_handle " + program + ` "$@"; }` + "\n"
	}
	file := filepath.Join(dir, "words")
	cmd := exec.CommandContext(ctx, "bash", "--norc", "-c", script+command+"\nwait")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "words="+file)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", command, err, out)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: it runs no program: %w", command, err)
	}
	var programs [][]string
	for one := range strings.SplitSeq(strings.TrimSuffix(string(written), "\x00\n\x00"), "\x00\n\x00") {
		words := strings.Split(one, "\x00")
		programs = append(programs, words)
		if i := slices.Index(words, "/nsviz"); i > 0 {
			programs = append(programs, append([]string{"nsviz"}, words[i+1:]...))
		}
	}
	return programs, nil
}
