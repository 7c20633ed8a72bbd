//go:build e2e

package e2e

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// live matches commands that go on until a signal, a key or the end of a lesson. Other tests run them; here their arguments are checked.
var live = regexp.MustCompile(`^nsviz( demo.*| serve.*| record .*| replay [^-]*| events( --filter '[^']*')?| +)?$`)

// elsewhere names the programs in the pages whose commands are run by another test, or by none.
var elsewhere = map[string]string{
	"make": "CI runs it", "helm": "deploy/kubernetes renders the chart", "kubectl": "there is no cluster", "sudo make install": "test/e2e builds",
}

// documented are the pages whose commands are run.
func documented(t *testing.T) []string {
	t.Helper()
	top := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(top, "docs", "howto", "*.md"))
	if err != nil || len(pages) < 6 {
		t.Fatalf("%d how-tos: %v", len(pages), err)
	}
	for _, name := range []string{"README.md", "docs/QUICKSTART.md", "docs/KUBERNETES.md", "docs/FILTERS.md"} {
		pages = append(pages, filepath.Join(top, name))
	}
	return pages
}

// commandsOf returns the commands of a page: the lines of its indented blocks, and of those that are fenced as sh, without comments.
func commandsOf(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	comment := regexp.MustCompile(`\s+#\s.*$`)
	var commands []string
	fence := ""
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		line = strings.TrimRight(line, "\n")
		if mark, ok := strings.CutPrefix(line, "```"); ok {
			if fence == "" {
				fence = "fence " + mark
			} else {
				fence = ""
			}
			continue
		}
		indented := fence == "" && regexp.MustCompile(`^( {4}| {7})\S`).MatchString(line)
		if fence == "fence sh" || indented {
			if command := strings.TrimSpace(comment.ReplaceAllString(line, "")); command != "" {
				commands = append(commands, command)
			}
		}
	}
	return commands
}

// TestCommandsOfTheDocs runs what the pages tell their readers to run, beside an nsviz that runs as they say, and on a recording: each command ends with 0 and answers.
func TestCommandsOfTheDocs(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "bin")
	for _, err := range []error{os.Mkdir(link, 0o700), os.Symlink(binary(), filepath.Join(link, "nsviz"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const hog = "nsviz-test-docs-hog"
	removeContainer(t, hog)
	server := start(t, io.Discard, "serve")
	server.stderr.await(t, "watching")
	night := filepath.Join(dir, "night.nsviz")
	recording := start(t, io.Discard, "record", night)
	recording.stderr.await(t, "recording")
	events := startEvents(t)
	docker(t, "run", "-d", "--name", hog, "--memory=32m", "--privileged=false", busyboxImage, "sh", "-c", "tail /dev/zero; exec sleep 1000")
	events.await(t, 1, of(event.OOMKill, hog))
	awaitRecorded(t, night, hog, "the kill", hasKill)
	recording.stop(t)

	for _, page := range documented(t) {
		for _, command := range commandsOf(t, page) {
			t.Run(filepath.Base(page)+"/"+command, func(t *testing.T) {
				command = strings.TrimPrefix(command, "sudo ")
				command = strings.TrimPrefix(command, "bin/")
				program, _, _ := strings.Cut(command, " ")
				if elsewhere[program] != "" {
					return
				}
				if program != "nsviz" && program != "docker" {
					t.Fatalf("no test knows %q: run it here, or say where it is run", program)
				}
				for _, name := range []string{"NAME", "hog", "shop/worker", "shop/cart/hog", "web"} {
					command = regexp.MustCompile(`(^| |\()`+regexp.QuoteMeta(name)+`( |$)`).ReplaceAllString(command, "${1}"+hog+"$2")
				}
				if live.MatchString(command) {
					command, _, _ = strings.Cut(command, " > ")
					command += " --help"
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				cmd := exec.CommandContext(ctx, "bash", "-eo", "pipefail", "-c", command)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PATH="+link+":"+os.Getenv("PATH"))
				out, err := cmd.CombinedOutput()
				if redirected := regexp.MustCompile(`> (\S+)$`).FindStringSubmatch(command); err == nil && redirected != nil {
					out, err = os.ReadFile(filepath.Join(dir, redirected[1]))
				}
				if err != nil || len(out) == 0 {
					t.Errorf("%s: %v\n%s", command, err, out)
				}
			})
		}
	}
}
