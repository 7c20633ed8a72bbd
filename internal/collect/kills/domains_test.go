package kills

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
)

// domainsTest is a made-up host, on which /a and the host use some memory.
type domainsTest struct {
	Domains

	t   *testing.T
	dir string        // of the unified hierarchy
	now time.Duration // since boot
}

func newDomainsTest(t *testing.T) *domainsTest {
	t.Helper()
	proc := t.TempDir()
	d := &domainsTest{t: t, dir: t.TempDir(), now: time.Minute}
	d.write(filepath.Join(proc, "stat"), "cpu  1 2 3\n")
	d.write(filepath.Join(proc, "self/comm"), "nsviz\n")
	d.write(filepath.Join(proc, "meminfo"), "AnonPages: 4 kB\n")
	d.uses("/a", 100)
	fs, err := host.Open(host.Roots{Proc: proc, Cgroup: d.dir})
	if err != nil {
		t.Fatal(err)
	}
	d.Domains = NewDomains(Config{
		Proc: fs.Proc, Resources: fs.Resources, BootNow: func() uint64 { return uint64(d.now) }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Layout: cgroupfs.Layout{Version: cgroupfs.V2, Dir: d.dir, Root: "/", Whole: true, HasMemory: true},
	})
	return d
}

func (d *domainsTest) write(path, text string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// uses sets what a cgroup uses.
func (d *domainsTest) uses(path string, bytes int) {
	d.t.Helper()
	d.write(filepath.Join(d.dir, path, "memory.stat"), fmt.Sprintf("anon %d\n", bytes))
}

// complete returns the processes' own memory and how late that was read, after a kill of some time ago.
func (d *domainsTest) complete(scope event.Scope, path string, ago time.Duration) string {
	e := event.Event{Type: event.OOMKill, BootNS: uint64(d.now - ago), OOM: &event.OOM{Scope: scope, Cgroup: path}}
	d.Complete(&e)
	if m := e.OOM.Memory; m != nil {
		return fmt.Sprintf("%d after %v ms", *m.AnonBytes, m.AfterMS)
	}
	return "unknown"
}

func TestMemoryThatRanOut(t *testing.T) {
	for _, test := range []struct {
		name  string
		scope event.Scope
		path  string
		ago   time.Duration
		want  string
	}{
		{"of a cgroup", event.ScopeCgroup, "/a", 2 * time.Millisecond, "100 after 2 ms"},
		{"of the system", event.ScopeSystem, "/a", 0, "4096 after 0 ms"},
		{"just in time", event.ScopeCgroup, "/a", readWithin, "100 after 100 ms"},
		{"too late", event.ScopeCgroup, "/a", readWithin + 1, "unknown"},
		{"at an unknown time", event.ScopeCgroup, "/a", time.Minute, "unknown"},
		{"of a cgroup that is gone", event.ScopeCgroup, "/gone", 0, "unknown"},
		{"of an unknown cgroup", event.ScopeCgroup, "", 0, "unknown"},
		{"of memory nodes", event.ScopeCpuset, "/a", 0, "unknown"},
	} {
		if got := newDomainsTest(t).complete(test.scope, test.path, test.ago); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	d := newDomainsTest(t)
	d.layout.HasMemory = false
	if got := d.complete(event.ScopeCgroup, "/a", 0); got != "unknown" {
		t.Errorf("in a hierarchy without memory: %s", got)
	}
}

// The kills of a batch share one reading, whose time is its own; those of the next one have another.
func TestDomainIsReadOnceABatch(t *testing.T) {
	d := newDomainsTest(t)
	got := []string{d.complete(event.ScopeCgroup, "/a", 0)}
	d.uses("/a", 200)
	d.now += time.Millisecond
	got = append(got, d.complete(event.ScopeCgroup, "/a", 5*time.Millisecond))
	d.NextBatch()
	got = append(got, d.complete(event.ScopeCgroup, "/a", 0))
	if diff := cmp.Diff([]string{"100 after 0 ms", "100 after 4 ms", "200 after 0 ms"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
