package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/resources"
)

func TestProcessTree(t *testing.T) {
	p := func(pid, parent int32) anatomy.Process {
		return anatomy.Process{PID: pid, Parent: parent, Comm: "p", PIDs: []int32{pid, pid - 40}}
	}
	for name, test := range map[string]struct {
		all  []anatomy.Process
		want string
	}{
		"nested":           {[]anatomy.Process{p(41, 1), p(42, 41), p(43, 42), p(44, 41)}, "0:41=1 1:42=2 2:43=3 1:44=4"},
		"a child is older": {[]anatomy.Process{p(41, 50), p(50, 1)}, "0:50=10 1:41=1"},
		"joined":           {[]anatomy.Process{p(41, 1), p(60, 7)}, "0:41=1 0:60=20"},
		"a circle":         {[]anatomy.Process{p(41, 42), p(42, 41)}, "0:41=1 1:42=2"},
		"its own parent":   {[]anatomy.Process{p(41, 41)}, "0:41=1"},
		"none":             {[]anatomy.Process{}, ""},
	} {
		tree, more := processTree(test.all)
		var got []string
		for i := range tree {
			got = append(got, fmt.Sprintf("%d:%d=%s", tree[i].Depth, tree[i].PID, tree[i].InsideWords()))
		}
		if strings.Join(got, " ") != test.want || more != 0 || tree == nil {
			t.Errorf("%s: %q and %d more, want %q", name, got, more, test.want)
		}
	}
	var many []anatomy.Process
	for i := range int32(4096) {
		many = append(many, p(41+i, 40+i))
	}
	if tree, more := processTree(many); len(tree) != maxTree || more != 4096-maxTree {
		t.Errorf("of 4096 processes %d are in the tree, and %d are left out", len(tree), more)
	}
}

func TestDissect(t *testing.T) {
	limited := &resources.EffectiveLimit{Limit: fact.Limit{Value: new(20.0)}, Cgroup: "/a"}
	a := &anatomy.Anatomy{
		Hostname: new("web"),
		Resources: &resources.Resources{
			Cgroup: "/a", Memory: &resources.MemoryUse{CurrentBytes: new(uint64(7)), EffectiveMaxBytes: &resources.EffectiveLimit{Limit: fact.Limit{Unlimited: true}}},
			PIDs: &resources.PIDsUse{EffectiveMax: limited},
		},
		Root: &anatomy.Root{Type: "overlay", Lower: []string{"/c", "/b"}, Written: &anatomy.Written{Bytes: 1 << 20, Files: 2}},
		Mounts: []anatomy.Mount{
			{Path: "/", Kind: anatomy.KindRoot}, {Path: "/data", Kind: anatomy.KindVolume, Source: "/v"}, {Path: "/proc", Kind: anatomy.KindKernel},
		},
		Privileges: &anatomy.Privileges{Seccomp: "filter", LSM: new("docker-default")},
		Namespaces: map[event.NamespaceType]*anatomy.Namespace{event.User: {ID: 1, SharedWithHost: new(false)}},
		Findings:   []anatomy.Finding{{ID: "no_memory_limit", Severity: anatomy.Medium, Title: "Nothing limits its memory"}, {ID: "writable_root", Title: "It can write"}},
		Unknown:    []string{"its devices: permission denied"},
	}
	d := Dissect(a)
	lines := func(lines []Line) string {
		var b strings.Builder
		for _, l := range lines {
			fmt.Fprintf(&b, "%s=%s\n", l.Subject, l.Words)
		}
		return b.String()
	}
	for _, test := range []struct{ name, got, want string }{
		{"sees", lines(d.Sees), "host name=web\n"},
		{"may use", lines(d.MayUse), "limits=no limit\npids=limit 20\n"},
		{"is made of", lines(d.MadeOf), "root=overlay, writable, over 2 read-only layers\nwritten=1 MiB in 2 files since it was made\n" +
			"mounts=/data: volume from /v, writable\n=and 1 views of the kernel, or masks over them\n"},
		{"holes", fmt.Sprintf("%+v", d.Holes), "[{Severity:medium Serious:true Title:Nothing limits its memory Details:[] Meaning: Close:} " +
			"{Severity:info Serious:false Title:It can write Details:[] Meaning: Close:}]"},
		{"sound", strings.Join(d.Sound, "; "), "seccomp filters its system calls; confined by docker-default; root inside is not root outside; processes are limited"},
		{"unknown", strings.Join(d.Unknown, "; "), "its devices: permission denied"},
	} {
		if test.got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, test.got, test.want)
		}
	}
	if d.Processes != nil || !slices.ContainsFunc(d.MayDo, func(l Line) bool { return l.Subject == "seccomp" && l.Words == "filter" }) {
		t.Errorf("processes %v, privileges %v", d.Processes, d.MayDo)
	}
}
