package report

import (
	"fmt"
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
	"github.com/nsviz/nsviz/internal/model"
)

const hostile = "x\x1b[2J\a\n\u202e\xe2\x82"

// Text from a container does not act on the terminal.
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
	if err := WriteAnatomy(&b, a, time.UTC); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(line) {
			t.Errorf("%q", line)
		}
	}
	if !strings.Contains(b.String(), "host PID 42 is PID 7 one level in is PID 1 inside: ") {
		t.Errorf("the process is not reported at each level:\n%s", &b)
	}
}

// Unknown values are reported as unknown, not as zero.
func TestUnknownAnatomy(t *testing.T) {
	var b strings.Builder
	if err := WriteAnatomy(&b, &anatomy.Anatomy{Privileges: &anatomy.Privileges{}}, time.UTC); err != nil {
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
	a := &anatomy.Anatomy{}
	for i := range 5000 {
		a.Mounts = append(a.Mounts, anatomy.Mount{Type: fmt.Sprint("fs", i)})
	}
	if err := WriteAnatomy(&b, a, time.UTC); err != nil || strings.Count(b.String(), "\n") > maxListed+40 || !strings.Contains(b.String(), "and 4960 more") {
		t.Errorf("%v in %d lines", err, strings.Count(b.String(), "\n"))
	}
}

// Mounts of the same at many paths have one line.
func TestMountsAlike(t *testing.T) {
	var b strings.Builder
	a := &anatomy.Anatomy{}
	for _, path := range []string{"/sys/power", "/boot", "/proc/irq", "/proc/bus", "/proc/kcore"} {
		a.Mounts = append(a.Mounts, anatomy.Mount{Path: path, Kind: anatomy.KindBind, Source: "/run/empty", ReadOnly: true})
	}
	a.Mounts = append(a.Mounts, anatomy.Mount{Path: "/data", Kind: anatomy.KindTmpfs}, anatomy.Mount{Path: "/tmp", Kind: anatomy.KindTmpfs})
	err := WriteAnatomy(&b, a, time.UTC)
	for _, want := range []string{
		" /sys/power, /boot, /proc/irq and 2 more: bind mount from /run/empty, read-only\n", " /data: tmpfs, writable\n", " /tmp: tmpfs, writable\n",
	} {
		if err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%v, no %q in\n%s", err, want, b.String())
		}
	}
}

func TestMemoryWithoutACgroup(t *testing.T) {
	var b strings.Builder
	err := WriteAnatomy(&b, &anatomy.Anatomy{PSSBytes: new(uint64(3 << 20))}, time.UTC)
	if want := "memory      3 MiB, the sum of its processes' shares (PSS), since no cgroup counts it\n"; err != nil || !strings.Contains(b.String(), want) {
		t.Errorf("%v, no %q in\n%s", err, want, b.String())
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

// The first process of a container in another one's PID namespace, as in a pod that shares it, is not PID 1 there.
func TestFirstProcessIsNotAlwaysPID1(t *testing.T) {
	for want, pids := range map[string][]int32{
		"PID 1 is sleep, on the host process 42\n": {42, 1}, "its first process is sleep, on the host process 42\n": {42, 7},
	} {
		var b strings.Builder
		a := &anatomy.Anatomy{PID: 42, Comm: "sleep", Processes: []anatomy.Process{{PID: 41, Comm: "pause", PIDs: []int32{41, 1}}, {PID: 42, Comm: "sleep", PIDs: pids}}}
		if err := WriteAnatomy(&b, a, time.UTC); err != nil || !strings.Contains(b.String(), "\n"+want) {
			t.Errorf("%v, no %q in\n%s", err, want, &b)
		}
	}
	for want, is := range map[string]KnownNamespace{
		"PID 1 is sleep, on the host process 42\n":             {ID: 7, SharedWithHost: new(false)},
		"its first process is sleep, on the host process 42\n": {ID: 7, SharedWithHost: new(false), SharedWith: []string{"pause"}},
	} {
		var b strings.Builder
		k := &Known{State: model.Running, PID: 42, Comm: "sleep", Namespaces: map[event.NamespaceType]KnownNamespace{event.PID: is}}
		if err := k.WriteText(&b, time.UTC); err != nil || !strings.Contains(b.String(), "\n"+want) {
			t.Errorf("%v, no %q in\n%s", err, want, &b)
		}
	}
}

// A service is in the PID namespace of the host and has no PID 1; what it is stands in the title.
func TestAnatomyOfService(t *testing.T) {
	var b strings.Builder
	if err := WriteAnatomy(&b, &anatomy.Anatomy{
		Container: event.Container{ID: "/system.slice/cron.service", Name: "cron.service", Kind: event.KindService, Runtime: "systemd"}, PID: 42, Comm: "cron",
		Unheld: &fact.Unheld{Cgroup: "/elsewhere"},
	}, time.UTC); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if !strings.HasPrefix(text, "cron.service, id /system.slice/cron.service, systemd, service\nits first process is cron, on the host process 42\n") || strings.Contains(text, "PID 1") ||
		!strings.Contains(text, "its first process is in /elsewhere") {
		t.Error(text)
	}
}
