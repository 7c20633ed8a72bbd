package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// serving returns the address of what answers as a running nsviz does: with a live container, a sandbox, one with an OOM kill, and
// containers that ended and never started.
func serving(t *testing.T) string {
	t.Helper()
	answer := report.Listing{AsOf: time.Unix(100, 0), Workloads: []report.Workload{
		{ID: strings.Repeat("a1", 32), Name: "web", State: model.Running, Status: "Up 3 minutes", OOMKills: new(uint64(0)), Group: &event.Group{Kind: event.GroupCompose, Name: "shop"}},
		{Kind: "sandbox", ID: "bwrap-1", Name: "box", State: model.Running, Status: "Up", OOMKills: new(uint64(0))},
		{Kind: "sandbox", ID: "bwrap-2", Name: "full", State: model.Running, Status: "Up", OOMKills: new(uint64(1))},
		{ID: strings.Repeat("a2", 32), Name: "db\x1b[2J", State: model.Exited, Status: "Exited (137) 2 minutes ago, OOM-killed", OOMKills: new(uint64(1))},
		{ID: strings.Repeat("a3", 32), Name: "job", State: model.Created, Status: "Created"},
		{Kind: "vm", ID: "vm-9", Name: "machine", Runtime: "qemu", State: model.Running, Status: "Up", VM: &report.VM{}},
	}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/ps" {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// command runs nsviz and returns its output.
func command(t *testing.T, args ...string) (out, stderr string, code int) {
	t.Helper()
	var o, e strings.Builder
	code = run(t.Context(), args, &o, &e)
	return o.String(), e.String(), code
}

func TestPsSelects(t *testing.T) {
	address := serving(t)
	for args, want := range map[string]string{
		"":                               "web full machine",
		"--all":                          `web full db\x1b[2J job machine`,
		"-a --kind sandbox":              "box full",
		"--kind sandbox,vm":              "box full machine",
		"--kind vm --kind container":     "web machine",
		"--kind=sandbox,container":       "web box full",
		"--filter kind=sandbox":          "box full",
		"--filter name=e":                "web machine",
		"--filter name=e --filter id=vm": "machine",
		"--filter group=sho":             "web",
		"--filter oom=true":              "full",
		"--filter oom=true -a":           `full db\x1b[2J`,
		"--filter status=exited":         `db\x1b[2J`,
		"--filter status=created":        "job",
		"--filter status=created||oom>0": `full db\x1b[2J job`,
		"--filter oom>0&&!name=full -a":  `db\x1b[2J`,
		"--filter oom=?":                 "machine",
		"--filter shop":                  "web",
	} {
		out, stderr, code := command(t, append([]string{"ps", "--from", address, "--format", "{{.Name}}"}, strings.Fields(args)...)...)
		if got := strings.Join(strings.Fields(out), " "); code != exitDone || got != want || stderr != "" {
			t.Errorf("ps %s: exit code %d, %q, want %q\n%s", args, code, got, want, stderr)
		}
	}
}

func TestPsForms(t *testing.T) {
	address := serving(t)
	long := strings.Repeat("a1", 32)
	for args, want := range map[string]string{
		"-q":            long[:12] + "\nbwrap-2\nvm-9\n",
		"-q --no-trunc": long + "\nbwrap-2\nvm-9\n",
		`-a --filter name=web --format table\ {{.Name}}\t{{.Status}}`: "NAME  STATUS\nweb   Up 3 minutes\n",
		"-a --filter id=zz -o json":                                   "[]\n",
		"-a --filter id=zz -q":                                        "",
		"-a --filter id=zz --format table\\ {{.Name}}":                "NAME\n",
	} {
		fields := strings.Fields(strings.ReplaceAll(args, `\ `, "\x00"))
		for i := range fields {
			fields[i] = strings.ReplaceAll(fields[i], "\x00", " ")
		}
		out, stderr, code := command(t, append([]string{"ps", "--from", address}, fields...)...)
		if code != exitDone || out != want || stderr != "" {
			t.Errorf("ps %s: exit code %d\n%q, want\n%q\n%s", args, code, out, want, stderr)
		}
	}
	out, _, _ := command(t, "ps", "-a", "--from", address)
	for _, says := range []string{"NAME", "CONTAINER ID", "STATUS", "Up 3 minutes", "Exited (137) 2 minutes ago, OOM-killed", `db\x1b[2J`, "machine (VM)"} {
		if !strings.Contains(out, says) {
			t.Errorf("no %q in\n%s", says, out)
		}
	}
	// JSON has all kinds and, of a recording, what it has.
	var list []report.Workload
	out, _, _ = command(t, "ps", "--from", address, "-o", "json")
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 4 {
		t.Errorf("%v, %d workloads in\n%s", err, len(list), out)
	}
	if out, _, _ = command(t, "ps", "--from", address, "--format", "json"); strings.Count(out, "\n") != 4 {
		t.Errorf("--format json writes\n%s", out)
	}
	list = nil
	out, stderr, code := command(t, "ps", "--all", "--recording", makeRecording(t), "-o", "json")
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != exitDone || len(list) != 3 || list[0].Name != "weba1" || list[0].State != model.Running {
		t.Errorf("exit code %d, %v, %+v\n%s", code, err, list, stderr)
	}
}

// What asks a running nsviz says where none runs, and fails.
func TestPsAllWithoutNsviz(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close() // nobody listens there now
	out, stderr, code := command(t, "ps", "-a", "--from", srv.URL)
	if code != exitFailed || out != "" || !strings.Contains(stderr, "no nsviz is running at "+srv.URL+": start `sudo nsviz serve`") || !strings.Contains(stderr, "not what has ended") {
		t.Errorf("exit code %d: %s%s", code, out, stderr)
	}
	if _, stderr, _ = command(t, "ps", "--from", srv.URL); strings.Contains(stderr, "ended") {
		t.Error(stderr)
	}
}

// Where there is no terminal --watch writes one block each time.
func TestPsWatch(t *testing.T) {
	address := serving(t)
	for _, interval := range [][]string{{"-w", "200ms"}, {"--watch=200ms"}} {
		w := &closesAfter{blocks: 3}
		var stderr strings.Builder
		code := run(t.Context(), append([]string{"ps", "-q", "--filter", "name=web", "--from", address}, interval...), w, &stderr)
		if want := strings.Repeat("a1", 6) + "\n"; code != exitFailed || w.String() != want+"\n"+want+"\n"+want {
			t.Errorf("%v: exit code %d, %q\n%s", interval, code, w.String(), &stderr)
		}
	}
}

// closesAfter takes some writes and refuses the next one.
type closesAfter struct {
	strings.Builder

	blocks int
}

func (c *closesAfter) Write(p []byte) (int, error) {
	if c.blocks--; c.blocks < 0 {
		return 0, io.ErrClosedPipe
	}
	return c.Builder.Write(p)
}
