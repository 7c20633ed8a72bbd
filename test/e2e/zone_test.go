//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// A user in Tokyo gets Tokyo's time on the screen and in text. JSON is for programs and always has UTC.
func TestTimeZones(t *testing.T) {
	const name = "nsviz-test-zone"
	t.Setenv("TZ", "Asia/Tokyo")
	zone, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	removeContainer(t, name)
	address := freeAddress(t)
	dashboard := tmux(t, 120, 40, []string{"TZ=Asia/Tokyo"}, binary(), "--web.listen-address", address)
	dashboard.await(t, match(`\d+ namespaces`))
	text := newLines()
	textProcess := start(t, text, "events")
	textProcess.stderr.await(t, "watching")
	events := startEvents(t)
	recording := filepath.Join(t.TempDir(), "recording")
	recordWhile(t, recording, func() { docker(t, "run", "-d", "--name", name, busyboxImage, "sleep", "1000") })
	started := events.await(t, 1, of(event.ContainerStarted, name))[0]

	day := started.Time.In(zone).Format("2006-01-02 ")
	// Each nsviz reads the offset between the clocks by itself, and a look at the host has the time of a start from procfs.
	isStart := func(clock string) bool {
		at, err := time.ParseInLocation("2006-01-02 15:04:05", clock, zone)
		return err == nil && at.Sub(started.Time).Abs() < time.Minute
	}
	saysStart := func(text string) bool {
		found := regexp.MustCompile(`(\d\d:\d\d:\d\d\.\d{3}) +started +` + name).FindStringSubmatch(text)
		return found != nil && isStart(day+found[1])
	}
	eventually(t, func() bool { return saysStart(text.String()) }, text.String)
	dashboard.await(t, saysStart)
	dashboard.await(t, func(screen string) bool {
		return strings.Contains(screen, "● live · "+time.Now().In(zone).Format("15:04:"))
	})

	for _, args := range [][]string{
		{"ps"}, {"ns"}, {"inspect", name}, {"why", name, "--history", "--from", "http://" + address}, {"inspect", name, "--from", "http://" + address},
		{"why", name, "--history", "--recording", recording}, {"inspect", name, "--recording", recording},
		{"why", "cgroup:/docker/" + started.Container.ID, "--from", "http://" + address},
	} {
		stdout, stderr, code := nsviz(t, args...)
		times := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`).FindAllString(stdout, -1)
		if code != 0 || args[0] != "ns" && !slices.ContainsFunc(times, isStart) || strings.Contains(stdout, "UTC") {
			t.Errorf("nsviz %v: exit code %d, want %s\n%s%s", args, code, started.Time.In(zone), stdout, stderr)
		}
		stdout, stderr, code = nsviz(t, append(args, "-o", "json")...)
		if offsets := offset.FindAllString(stdout, 3); code != 0 || len(offsets) > 0 || args[0] != "ns" && !utc.MatchString(stdout) {
			t.Errorf("nsviz %v -o json: exit code %d, times such as %q\n%s%s", args, code, offsets, stdout, stderr)
		}
	}
	whole, err := exec.Command("gzip", "-dc", recording).Output()
	if err != nil {
		t.Fatal(err)
	}
	if offsets := offset.FindAllString(string(whole), 3); len(offsets) > 0 {
		t.Errorf("the recording has %q", offsets)
	}
}

// utc matches a time in JSON; offset matches one that is not in UTC.
var (
	utc    = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"`)
	offset = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d"`)
)
