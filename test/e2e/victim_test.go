//go:build e2e

package e2e

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/report"
)

// A small process is killed in a container whose memory is full of files. The kill reports what the memory was made of, which
// process it was, and its command line. An nsviz that was asked not to report command lines does not have it anywhere.
func TestVictimOfFilesInMemory(t *testing.T) {
	const name, secret = "nsviz-test-tmpfs", "token-f3a9"
	address := freeAddress(t)
	dashboard := tmux(t, 140, 40, nil, binary(), "--web.listen-address", address)
	dashboard.await(t, contains("● live", "metrics on"))
	dashboard.find(t, name)
	dir := t.TempDir()
	events := startEvents(t)
	recordings := map[string]string{"full": filepath.Join(dir, "full"), "quiet": filepath.Join(dir, "quiet")}
	var recorders []*process
	for how, args := range map[string][]string{"full": nil, "quiet": {"--no-command-lines"}} {
		p := start(t, io.Discard, append([]string{"record", recordings[how]}, args...)...)
		p.stderr.await(t, "recording")
		recorders = append(recorders, p)
	}
	quiet, quietAddress := newLines(), freeAddress(t)
	start(t, quiet, "events", "-o", "json", "--no-command-lines").stderr.await(t, "watching")
	start(t, io.Discard, "serve", "--no-command-lines", "--web.listen-address", quietAddress).stderr.await(t, "watching")

	// An nsviz that gets no CPU for a tenth of a second after a kill leaves the memory alone: it is another one by then. On a busy host
	// that may happen to either of the two that are asked, and all is done once more.
	var size uint64
	var kill event.Event
	var answer report.ContainerAnswer
	for tries, ended := 1, time.Now().Add(patience); ; tries++ {
		removeContainer(t, name)
		// The kernel must count the file as shared memory, and tail takes the remaining memory.
		out := docker(t, "run", "--name", name, "--memory=64m", "--tmpfs=/big:size=56m", busyboxImage, "sh", "-c",
			"dd if=/dev/zero of=/big/"+secret+" bs=64k 2>/dev/null; tail /dev/zero /big/"+secret+" >/dev/null; wc -c /big/"+secret)
		var err error
		if size, err = strconv.ParseUint(strings.Fields(out)[0], 10, 64); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		id := docker(t, "inspect", "--format", "{{.Id}}", name)
		kill = events.await(t, tries, of(event.OOMKill, name))[tries-1]
		events.await(t, tries, of(event.ContainerExited, name))
		eventually(t, func() bool {
			answer, _ = why(t, address, name)
			return answer.Container.ID == id && len(answer.Kills) == 1
		}, func() string { return fmt.Sprintf("the kill is not known: %+v", answer) })
		if kill.OOM.Memory != nil && answer.Kills[0].OOM.Memory != nil {
			break
		}
		if time.Now().After(ended) {
			t.Fatalf("after %d kills the memory is %+v, and %+v", tries, kill.OOM.Memory, answer.Kills[0].OOM.Memory)
		}
	}
	v, m := kill.OOM.Victim, kill.OOM.Memory
	if v.Comm != "tail" || v.ProcessComm != "tail" || kill.OOM.Trigger.ProcessComm != "tail" {
		t.Errorf("killed %+v, asked by %+v", v, kill.OOM.Trigger)
	}
	if want := "tail /dev/zero /big/" + secret; v.CommandLine != want || v.CommandLineCut {
		t.Errorf("called %q, want %q", v.CommandLine, want)
	}
	if m.AnonBytes == nil || m.FileBytes == nil || m.ShmemBytes == nil || m.KernelBytes == nil {
		t.Fatalf("the memory is %+v", m)
	}
	const slack = 1 << 20 // for what CPUs have charged in advance
	if *m.ShmemBytes > size+slack || *m.ShmemBytes+slack < size || *m.AnonBytes > 16<<20 || m.AfterMS <= 0 || m.AfterMS > float64(time.Since(kill.Time).Milliseconds()) {
		t.Errorf("the file had %d bytes, the memory is: anon %d, files %d, shmem %d, kernel %d after %v ms",
			size, *m.AnonBytes, *m.FileBytes, *m.ShmemBytes, *m.KernelBytes, m.AfterMS)
	}
	// By then the victim may have freed its own memory.
	sum := *m.AnonBytes + *m.FileBytes + *m.ShmemBytes + *m.KernelBytes
	if sum > *kill.OOM.UsageBytes+slack || sum+*v.AnonBytes < *kill.OOM.UsageBytes*9/10 {
		t.Errorf("%d in all its parts, and %d of the victim; %d in use", sum, *v.AnonBytes, *kill.OOM.UsageBytes)
	}

	const says = " of 64 MiB were files in memory (tmpfs, shared memory)."
	if !strings.Contains(answer.Sentence, says) || answer.Kills[0].OOM.Victim.CommandLine != v.CommandLine {
		t.Errorf("%+v", answer)
	}
	dashboard.keys(t, "4", "Enter")
	dashboard.await(t, func(screen string) bool {
		return strings.Contains(prose(screen), says) && match(`called +tail /dev/zero`)(prose(screen)) && match(`memory .* files in memory`)(prose(screen))
	})

	// These outputs must not contain it.
	quiet.await(t, `"type":"container_exited"`)
	texts := map[string]string{"events": quiet.String()}
	for _, file := range recordings {
		awaitRecorded(t, file, name, "the kill", hasKill)
	}
	for _, p := range recorders {
		p.stop(t)
	}
	texts["recording"] = recordingText(t, recordings["quiet"])
	for _, path := range []string{"/api/v1/why?container=", "/api/v1/inspect?container="} {
		texts[path] = get(t, "http://"+quietAddress+path+name)
	}
	for where, text := range texts {
		if strings.Contains(text, secret) || strings.Contains(text, `"command_line":"`) || !strings.Contains(text, `"process_comm":"tail"`) {
			t.Errorf("%s, without command lines:\n%s", where, text)
		}
	}
	if text := recordingText(t, recordings["full"]); !strings.Contains(text, secret) {
		t.Errorf("a recording that may have it has not")
	}
	_, reported := scrape(t, address)
	if strings.Contains(reported, secret) {
		t.Error("a metric has a command line")
	}
}

// recordingText returns the content of a recording.
func recordingText(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
