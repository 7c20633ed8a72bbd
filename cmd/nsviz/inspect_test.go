package main

import (
	"io/fs"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/isolation"
)

func TestFindContainer(t *testing.T) {
	s := &isolation.Snapshot{Containers: []isolation.Container{
		{ID: "42aa", Label: "web", State: isolation.Running, InitPID: 4000, CgroupPath: "/docker/42aa"},
		{ID: "42bb", Label: "db", State: isolation.Running, InitPID: 42, CgroupPath: "/docker/42bb"},
		{ID: "77cc", Label: "9", State: isolation.Running, InitPID: 7, CgroupPath: "/docker/77cc"},
		{ID: "88dd", Label: "x\x1b", State: isolation.Running, InitPID: 8, CgroupPath: "/docker/88dd"},
		{ID: "88ee", Label: "y", State: isolation.Running, CgroupPath: "/docker/88ee"},
	}}
	cgroups := map[int32]string{4000: "/docker/42aa", 4001: "/docker/42aa/below", 7: "/docker/77cc", 9: "/docker/42aa", 42: "/docker/42bb", 100: "/docker/42aaa", 1: "/"}
	cgroupOf := func(pid int32) (string, error) {
		if path, ok := cgroups[pid]; ok {
			return path, nil
		}
		return "", fs.ErrNotExist
	}
	for name, want := range map[string]string{
		"web": "42aa", "/web": "42aa", "42bb": "42bb", "42a": "42aa", // by name and id
		"4000": "42aa", "4001": "42aa", "7": "77cc", // by PID; 7 begins its own id, too
		"9": "77cc", // a name goes before a PID
	} {
		if c, err := findContainer(s, name, cgroupOf); err != nil || c.ID != want {
			t.Errorf("%s: %+v, %v, want %s", name, c, err, want)
		}
	}
	for name, says := range map[string]string{
		"nope": "nothing is known of a container", "": "nothing is known", "5000": "nothing is known", "1": "process 1 is in no container",
		"100": "process 100 is in no container", "-7": "nothing is known", "99999999999": "nothing is known",
		"42": "42 is a process of 42bb (db), and ids of other containers begin so", "88": `88dd (x\x1b), 88ee (y)`,
	} {
		c, err := findContainer(s, name, cgroupOf)
		if c != nil || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v, want %q", name, c, err, says)
		}
	}
}

func TestFailing(t *testing.T) {
	findings := []anatomy.Finding{{Severity: anatomy.High}, {Severity: anatomy.Low}, {Severity: anatomy.Low}}
	for threshold, want := range map[anatomy.Severity]string{
		anatomy.Critical: "", anatomy.High: "1 finding is high or worse", anatomy.Low: "3 findings are low or worse", anatomy.Info: "3 findings are info or worse",
	} {
		err := failing(findings, threshold)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", threshold, err, want)
		}
		if err != nil && exitCode(err) != exitFailed {
			t.Errorf("%s: exit code %d", threshold, exitCode(err))
		}
	}
}

func TestInspectUsage(t *testing.T) {
	for _, args := range [][]string{{"inspect"}, {"inspect", "a", "b"}, {"inspect", "a", "-o", "yaml"}, {"inspect", "a", "--fail-on", "bad"}, {"inspect", "a", "--fail"}} {
		var out, stderr strings.Builder
		if code := run(t.Context(), args, &out, &stderr); code != exitUsage || out.Len() > 0 || stderr.Len() == 0 {
			t.Errorf("%v: exit code %d\n%s%s", args, code, &out, &stderr)
		}
	}
}

const hostile = "x\x1b[2J\a\n\u202e\xe2\x82"

// Nothing that comes from a container acts on the terminal.
func TestHostileAnatomy(t *testing.T) {
	a := &anatomy.Anatomy{
		Container: event.Container{ID: hostile, Name: hostile, Image: hostile, Runtime: hostile}, PID: 42, Comm: hostile,
		Namespaces: map[event.NamespaceType]*anatomy.Namespace{event.Net: {ID: 1, SharedWithHost: new(false), SharedWith: []string{hostile}, MadeFor: hostile + "2"}},
		Hostname:   new(hostile),
		Ports:      []anatomy.Port{{Protocol: hostile, By: hostile}},
		Network:    &anatomy.Network{Interfaces: []anatomy.Interface{{Name: hostile}}, OtherAddresses: []netip.Addr{netip.IPv6Unspecified().WithZone(hostile)}},
		Processes:  []anatomy.Process{{PID: 42, Comm: hostile, PIDs: []int32{42, 7, 1}}},
		Root: &anatomy.Root{Type: hostile, Lower: []string{hostile}, Upper: hostile, Written: &anatomy.Written{Stopped: hostile},
			Layers: []anatomy.Layer{{Size: &anatomy.Written{Stopped: hostile}, ImageLayer: fact.ImageLayer{DiffID: hostile, CreatedBy: hostile}}}},
		Mounts:     []anatomy.Mount{{Path: hostile, Kind: anatomy.KindBind, Type: hostile, Source: hostile}, {Path: hostile, Kind: anatomy.KindOther, Type: hostile}},
		Devices:    []anatomy.Device{{Path: hostile}},
		Privileges: &anatomy.Privileges{LSM: new(hostile), Seccomp: hostile, Capabilities: anatomy.Capabilities{Bounding: []string{hostile}}},
		Findings:   []anatomy.Finding{{ID: "x", Title: hostile, Details: []string{hostile}, Meaning: hostile, See: hostile, Close: hostile}},
		Unknown:    []string{hostile},
	}
	var b strings.Builder
	if err := writeAnatomy(&b, a, time.UTC); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(line) {
			t.Errorf("%q", line)
		}
	}
	if !strings.Contains(b.String(), "host PID 42 is PID 7 one level in is PID 1 inside: ") {
		t.Errorf("the process is not told at each level:\n%s", &b)
	}
}

// Of what is unknown it is said that it is, and no zero is told.
func TestUnknownAnatomy(t *testing.T) {
	var b strings.Builder
	if err := writeAnatomy(&b, &anatomy.Anatomy{Privileges: &anatomy.Privileges{}}, time.UTC); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"mnt         unknown\n", "memory      unknown\n", "pids        unknown\n", "seccomp     unknown\n", "bounding    unknown\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

func TestNamespaceWords(t *testing.T) {
	for want, n := range map[string]*anatomy.Namespace{
		"unknown":              nil,
		"whose is unknown (7)": {},
		"the host's (7)":       {SharedWithHost: new(true), SharedWith: []string{"db"}},
		"its own (7)":          {SharedWithHost: new(false)},
		"its own; made for db, which is not in it (7)":                  {SharedWithHost: new(false), MadeFor: "db"},
		"shared with db, x; made for db (7)":                            {SharedWithHost: new(false), SharedWith: []string{"db", "x"}, MadeFor: "db"},
		"shared with db; made for this one (7)":                         {SharedWithHost: new(false), SharedWith: []string{"db"}, MadeFor: "web"},
		"shared with db; made for 0938fdd64945, which is not in it (7)": {SharedWithHost: new(false), SharedWith: []string{"db"}, MadeFor: "0938fdd64945"},
		"shared with db; this one is the oldest (7)":                    {SharedWithHost: new(false), SharedWith: []string{"db"}, Oldest: "web"},
		"shared with db; db is the oldest (7)":                          {SharedWithHost: new(false), SharedWith: []string{"db"}, Oldest: "db"},
	} {
		if n != nil {
			n.ID = 7
		}
		if got := namespaceWords(n, "web", time.UTC); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestManyMountsInText(t *testing.T) {
	var b strings.Builder
	a := &anatomy.Anatomy{Mounts: make([]anatomy.Mount, 5000)}
	if err := writeAnatomy(&b, a, time.UTC); err != nil || strings.Count(b.String(), "\n") > maxListed+40 || !strings.Contains(b.String(), "and 4960 more") {
		t.Errorf("%v in %d lines", err, strings.Count(b.String(), "\n"))
	}
}

func TestIDMapWords(t *testing.T) {
	for want, a := range map[string]*anatomy.Anatomy{
		"": {},
		"the host's: root inside is root outside": {
			UIDMap: []nsfs.IDRange{{Count: 4294967295}}, Namespaces: map[event.NamespaceType]*anatomy.Namespace{event.User: {SharedWithHost: new(true)}},
		},
		"root inside is uid 100000 outside; uids 0-65535 are 100000-165535; gids 0 are 1000": {
			UIDMap: []nsfs.IDRange{{Inside: 0, Outside: 100000, Count: 65536}}, GIDMap: []nsfs.IDRange{{Inside: 0, Outside: 1000, Count: 1}},
		},
		"root inside is nobody outside; uids 5 are 6":    {UIDMap: []nsfs.IDRange{{Inside: 5, Outside: 6, Count: 1}}},
		"root inside is uid 0 outside; uids 0-9 are 0-9": {UIDMap: []nsfs.IDRange{{Count: 10}}},
	} {
		if got := idMapWords(a); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
