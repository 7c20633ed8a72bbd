//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/story"
)

// TestEarlyoom has the real earlyoom kill a container's PID 1. earlyoom kills at once, since no host has all of its memory
// free. It must not find processes of the host, so it runs in the pid namespace of a container and sees only that one's /proc.
// The victim is another container in the same pid namespace, since nobody inside can kill the namespace's own PID 1.
func TestEarlyoom(t *testing.T) {
	const cage, victim = "nsviz-test-earlyoom-cage", "nsviz-test-earlyoom-victim"
	address := startServe(t)
	caged := run(t, cage, busyboxImage, "sh", "-c", waits)
	run(t, victim, "--pid=container:"+cage, busyboxImage, "sh", "-c", "echo ready; exec tail -f /dev/null")

	// It ends with its pid namespace, the cage.
	said := newLines()
	cmd := exec.Command("nsenter", "--target", fmt.Sprint(caged), "--pid", "--", "unshare", "--mount", "--",
		"sh", "-c", "mount -t proc proc /proc && exec earlyoom -m 99,99 -s 100,100 -r 0 --prefer '^tail$' --avoid '^sleep$'")
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("docker", "rm", "-f", cage).Run()
		_ = cmd.Wait()
		t.Logf("earlyoom said:\n%s", said)
	})

	answer := whyEnded(t, address, victim)
	t.Log(answer.Sentence)
	x := answer.End.Exit
	if x.Cause != event.CauseSignal || x.By == nil || x.By.Comm != "earlyoom" || answer.End.Sender != story.SenderEarlyOOM {
		t.Errorf("%+v by %+v, %q", x, x.By, answer.End.Sender)
	}
	if answer.OOMKills == nil || *answer.OOMKills != 0 || answer.End.Engine.OOMKilled == nil || *answer.End.Engine.OOMKilled {
		t.Errorf("%v OOM kills; the engine says %+v", answer.OOMKills, answer.End.Engine)
	}
	want := fmt.Sprintf("%s was ended by earlyoom, which kills before memory runs out: earlyoom (PID %d, uid 0) sent SIGKILL. "+
		"It was not the kernel's OOM killer.", victim, x.By.PID)
	if !contains(want)(answer.Sentence) {
		t.Errorf("it says: %s\nwant %s", answer.Sentence, want)
	}
}
