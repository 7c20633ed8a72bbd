package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/report"
)

// A screen of a recording, as of a time, needs no terminal.
func TestReplayOfOneScreen(t *testing.T) {
	path := troubledRecording(t)
	replay := func(args ...string) string {
		t.Helper()
		return runWith(t, "TZ=Asia/Tokyo", append([]string{"replay", path}, args...)...)
	}
	long := strings.Repeat("e", 64)
	if got := replay("--text"); strings.Count(got, "\n") != 36 || !strings.Contains(got, "replay") {
		t.Errorf("the screen is\n%s", got)
	}
	if got := replay("--text", "--size", "80x24", "--view", "events"); strings.Count(got, "\n") != 24 || !strings.Contains(got, "TIME") {
		t.Errorf("the events are\n%s", got)
	}
	for at, want := range map[string]string{"2026-11-01 21:00:30": "running", "2026-11-01 21:01:30": "exited"} {
		var known report.Known
		if err := json.Unmarshal([]byte(replay("--json", "--open", long, "--at", at)), &known); err != nil || string(known.State) != want {
			t.Errorf("at %s: %v, %q, want %s", at, err, known.State, want)
		}
	}
	if got := replay("--text", "--open", long); !strings.Contains(got, "Workloads › ") {
		t.Errorf("the page is\n%s", got)
	}
	for theme, ground := range map[string]string{"dark": `fill="#10161d"`, "light": `fill="#ffffff"`} {
		picture := replay("--svg", "--theme", theme, "--view", "map")
		if !strings.Contains(picture, ground) {
			t.Errorf("%s lacks %s", theme, ground)
		}
		for d := xml.NewDecoder(strings.NewReader(picture)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestReplayOfOneScreenFails(t *testing.T) {
	path := troubledRecording(t)
	for flags, want := range map[string]struct {
		code int
		says string
	}{
		"--svg --text":                           {exitUsage, "exclude each other"},
		"--svg --speed 2":                        {exitUsage, "--speed is for a replay"},
		"--view map":                             {exitUsage, "--view is for a single screen"},
		"--svg --view mpa":                       {exitUsage, "did you mean map?"},
		"--svg --size 80":                        {exitUsage, "such as 120x36"},
		"--svg --size 80x2000":                   {exitUsage, "such as 120x36"},
		"--svg --open nobody":                    {exitFailed, `nothing is known of a container "nobody"`},
		"--svg --open nobody --view namespaces":  {exitFailed, "nobody is no namespace"},
		"--svg --open net:[1] --view namespaces": {exitFailed, "there is no namespace net:[1]"},
		"--svg --open x --view host":             {exitFailed, "nothing to open"},
		"--json --view host":                     {exitFailed, "no form in JSON"},
		"--svg --at 2026-10-01T12:00:00Z":        {exitFailed, "begins after that time"},
		"--svg --open " + strings.Repeat("e", 64) + " --view oom-kills": {exitFailed, "no OOM kill of"},
	} {
		out, stderr, code := command(t, append([]string{"replay", path}, strings.Fields(flags)...)...)
		if code != want.code || !strings.Contains(stderr, want.says) || out != "" {
			t.Errorf("%s: code %d, %s%s", flags, code, out, stderr)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(cut, data[:len(data)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	if out, stderr, code := command(t, "replay", cut, "--text"); code != exitFailed || !strings.Contains(out, "Workloads") || !strings.Contains(stderr, "cut short") {
		t.Errorf("code %d, %s%s", code, out, stderr)
	}
}
