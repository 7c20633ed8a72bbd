package container

import (
	"cmp"
	"os"
	"strings"
	"testing"
)

var (
	idA = strings.Repeat("a1b2", 16)
	idB = strings.Repeat("0f9e", 16)
	idC = strings.Repeat("c", 64)
)

// text is a Ref as testdata/cgroup-paths.tsv has it.
func text(r *Ref) string {
	if r == nil {
		return ""
	}
	s := text(r.Parent)
	if s != "" {
		s += " > "
	}
	s += cmp.Or(r.Runtime, "engine") + " " + r.ID
	if r.Pod != "" {
		s += " in pod " + r.Pod
	}
	if r.Unsure {
		s += "?"
	}
	return s
}

var digits = strings.NewReplacer("<A>", idA, "<N>", idB, "<P>", idC)

func TestParse(t *testing.T) {
	data, err := os.ReadFile("testdata/cgroup-paths.tsv")
	if err != nil {
		t.Fatal(err)
	}
	parser := NewParser()
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		path, want, ok := strings.Cut(strings.TrimSuffix(digits.Replace(line), "\n"), "\t")
		if !ok {
			t.Fatalf("not two columns: %q", line)
		}
		got := "-"
		if ref, ok := parser.Parse(path); ok {
			got = text(&ref)
			for r := &ref; r != nil; r = r.Parent {
				if r.Root != path && !strings.HasPrefix(path, r.Root+"/") {
					t.Errorf("%s: the root of %s is %s", path, r.ID, r.Root)
				}
			}
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", path, got, want)
		}
	}
}

func TestParseFindsNothing(t *testing.T) {
	for _, path := range []string{
		"", "/", "//", "/-relative", "/init.scope", "/system.slice", "/docker", "/system.slice/docker.service",
		"/system.slice/docker-" + idA + ".service", "/system.slice/docker-" + idA, // a scope is what docker makes
		"/docker/" + idA[:63], "/docker/" + idA + "0", "/docker/" + strings.ToUpper(idA), "/docker/" + idA[:63] + "g",
		"/docker/" + idA[:12], "/docker/" + idA + "\n", "/docker/\n" + idA, "/docker/ " + idA,
		"/machine.slice/libpod-conmon-" + idA + ".scope", "/kubepods.slice/crio-conmon-" + idA + ".scope",
		"/machine.slice/libpod-" + idA + ".scope.d", "/x/my-docker-" + idA + ".scope", "/x/docker-" + idA + "Xscope",
		"/docker/buildkit/q2x8f5ypkh1n0s6t9d3zjwb", "/x:unknown:" + idA,
		"/nsviz-demo-", "/nsviz-demo-UPPER", "/nsviz-demo-a.scope", "/my-nsviz-demo-a",
		"/\xff\xfe/" + idA[:40], strings.Repeat("/a", 2000),
	} {
		if ref, ok := NewParser().Parse(path); ok && !ref.Unsure {
			t.Errorf("%q is taken for %+v", path, ref)
		}
	}
}

// Whoever is root in a container makes cgroups below with any name: they stay below.
func TestParseHostile(t *testing.T) {
	for _, below := range []string{
		"/..", "/../../docker/" + idB, "//" + idB, "/\xff" + idB, "/\n", "/docker-" + idB + ".scope",
		strings.Repeat("/"+idB, 60), "/" + strings.Repeat("x", 4000),
	} {
		path := "/docker/" + idA + below
		ref, ok := NewParser().Parse(path)
		if !ok {
			t.Fatalf("no container in %q", path)
		}
		outer := &ref
		for outer.Parent != nil {
			if !strings.HasPrefix(outer.Root, outer.Parent.Root+"/") {
				t.Errorf("%q: the outer one is at %q", path, outer.Parent.Root)
			}
			outer = outer.Parent
		}
		if outer.ID != idA || outer.Root != "/docker/"+idA {
			t.Errorf("%q belongs to %+v", path, outer)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/docker/" + idA + "/docker/" + idB)
	f.Add("/system.slice/docker-" + idA + ".scope/x")
	f.Add("///nsviz-demo-a//")
	f.Add("/lxc.payload.a/machine.slice/machine-b\\x2dc.scope/payload")
	parser := NewParser()
	f.Fuzz(func(t *testing.T, path string) {
		ref, ok := parser.Parse(path)
		if !ok {
			return
		}
		if again, ok := parser.Parse(ref.Root); !ok || text(&again) != text(&ref) || again.Root != ref.Root {
			t.Errorf("%q has %s, whose root %q has %s", path, text(&ref), ref.Root, text(&again))
		}
		if n := len(ref.Root); n > len(path)+1 {
			t.Errorf("%q has a root of %d bytes", path, n)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	parser := NewParser()
	path := "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_e4f5.slice/cri-containerd-" + idA + ".scope"
	for b.Loop() {
		if _, ok := parser.Parse(path); !ok {
			b.Fatal("no container")
		}
	}
}
