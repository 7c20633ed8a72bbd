//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The stress demo is recorded, and replayed by a user who may not watch the kernel.
func TestReplay(t *testing.T) {
	const name = "nsviz-test-rec"
	dir, open := openDir(t)
	file := filepath.Join(dir, "recording")
	removeContainer(t, name)
	own := 0
	recordWhile(t, file, func() {
		own = ownCount(t, docker(t, "run", "--name", name, "--memory=64m", stressImage, "sh", "-c",
			"stress-ng --vm 1 --vm-bytes 200M --timeout 3s >/dev/null 2>&1; "+readOwnCounter))
		docker(t, "rm", name)
	})
	facts := checkWhole(t, file)
	if err := os.Chmod(file, 0o644); err != nil { // only its owner may read it
		t.Fatal(err)
	}
	row := match(fmt.Sprintf(`(?m)^..%s .* %d *$`, name, own))

	term := tmux(t, 120, 40, nil, asNobody(open, "replay", "--speed", "1000", file)...)
	term.await(t, func(screen string) bool {
		return contains("▶ replay", "the recording ends here")(screen) && row(screen)
	})
	term.keys(t, "Space", "Home")
	term.await(t, match(`❚❚ (?s).*before \d+ events since`))
	term.keys(t, "End")
	term.await(t, func(screen string) bool { return contains("event ")(screen) && row(screen) })
	term.keys(t, "4")
	term.find(t, name)
	term.keys(t, "Enter")
	term.await(t, func(screen string) bool {
		return match(name + `: the kernel killed stress-ng-vm .* ` + name + ` lived on then`)(prose(screen))
	})
	term.keys(t, "q")
	term.awaitEnd(t, 0)

	t.Run("cut short", func(t *testing.T) {
		whole, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		half := filepath.Join(dir, "half")
		if err := os.WriteFile(half, whole[:len(whole)/2], 0o644); err != nil {
			t.Fatal(err)
		}
		term := tmux(t, 120, 40, nil, asNobody(open, "replay", "--speed", "1000", half)...)
		screen := term.await(t, contains("the recording is cut short after"))
		if !match(`(?m)^..` + name)(screen) {
			t.Errorf("what there is is not shown:\n%s", screen)
		}
		term.keys(t, "q")
		screen = term.awaitEnd(t, failed)
		if !match(`(?m)^nsviz: ` + half + `: the recording is cut short after \d+ facts`)(screen) {
			t.Errorf("no word about it (it had %d facts):\n%s", facts, screen)
		}
	})
}
