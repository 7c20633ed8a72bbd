package container

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

func TestDirectoryPut(t *testing.T) {
	web := Identity{ID: idA, Runtime: "docker", Name: "web", Image: "nginx"}
	tests := []struct {
		name   string
		change func(*Identity)
		news   bool
	}{
		{"the same again", func(*Identity) {}, false},
		{"a new name", func(id *Identity) { id.Name = "web2" }, true},
		{"a new image", func(id *Identity) { id.Image = "nginx:2" }, true},
		{"a new runtime", func(id *Identity) { id.Runtime = "podman" }, true},
		{"a new kind", func(id *Identity) { id.Kind = event.KindPod }, true},
		{"a group", func(id *Identity) { id.Group = &event.Group{Kind: event.GroupPod, Name: "a"} }, true},
		{"another label", func(id *Identity) { id.Labels = map[string]string{"tier": "back"} }, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := NewDirectory(2, "tier")
			if !d.Put(web) {
				t.Error("the first is no news")
			}
			changed := web
			test.change(&changed)
			if news := d.Put(changed); news != test.news {
				t.Errorf("news: %v", news)
			}
			if got, _ := d.Get(idA); !cmp.Equal(got, changed) {
				t.Errorf("kept: %+v", got)
			}
		})
	}
}

// Whichever comes first, the better source counts; of one source, the last word does.
func TestDirectoryKeepsTheBetterSource(t *testing.T) {
	sources := []Source{SourceEngine, SourceFiles, SourceCommandLine}
	for i, a := range sources {
		for j, b := range sources {
			d := NewDirectory(2)
			d.Put(Identity{ID: idA, Name: "first", Source: a})
			want := "second"
			if i < j {
				want = "first"
			}
			if news := d.Put(Identity{ID: idA, Name: "second", Source: b}); news != (want == "second") {
				t.Errorf("source %d after %d: news: %v", b, a, news)
			}
			if got, _ := d.Get(idA); got.Name != want {
				t.Errorf("source %d after %d: kept %+v", b, a, got)
			}
		}
	}
}

// An image that an engine does not name, as Kubernetes' engines do not for the sandbox of a pod, is what files say, whichever comes first.
func TestDirectoryKeepsTheImage(t *testing.T) {
	byEngine := Identity{ID: idA, Name: "infra"}
	byFiles := Identity{ID: idA, Name: "other", Image: "pause", Source: SourceFiles}
	want := byEngine
	want.Image = byFiles.Image
	for _, order := range [][]Identity{{byEngine, byFiles, byEngine}, {byFiles, byEngine, byFiles}} {
		d := NewDirectory(2)
		var news []bool
		for _, id := range order {
			news = append(news, d.Put(id))
		}
		if got, _ := d.Get(idA); !cmp.Equal(got, want) || !cmp.Equal(news, []bool{true, true, false}) {
			t.Errorf("news %v, kept %+v", news, got)
		}
	}
}

// An engine that does not know of pods does not hide what files say of them, whichever comes first.
func TestDirectoryKeepsTheGroup(t *testing.T) {
	byEngine := Identity{ID: idA, Name: "infra", Image: "pause"}
	byFiles := Identity{ID: idA, Name: "other", Kind: event.KindPod, Group: &event.Group{Kind: event.GroupPod, Name: "shop"}, Source: SourceFiles}
	want := byEngine
	want.Kind, want.Group = byFiles.Kind, byFiles.Group
	for _, order := range [][]Identity{{byEngine, byFiles, byEngine}, {byFiles, byEngine, byFiles}} {
		d := NewDirectory(2)
		var news []bool
		for _, id := range order {
			news = append(news, d.Put(id))
		}
		if got, _ := d.Get(idA); !cmp.Equal(got, want) || !cmp.Equal(news, []bool{true, true, false}) {
			t.Errorf("news %v, kept %+v", news, got)
		}
	}
	d := NewDirectory(2)
	d.Put(byFiles)
	byFiles.Kind, byFiles.Group = "", nil
	d.Put(byFiles)
	if got, _ := d.Get(idA); got.grouped() {
		t.Error("the files have another container of that id, which is in no group")
	}
}

func TestDirectoryForgetsTheLeastRecentlyTouched(t *testing.T) {
	d := NewDirectory(3)
	for _, id := range []string{"1", "2", "3"} {
		d.Put(Identity{ID: id})
	}
	d.Get("1")               // touched
	d.Put(Identity{ID: "2"}) // touched
	d.Put(Identity{ID: "4"}) // makes 3 the oldest go
	got := map[string]bool{}
	for _, id := range []string{"1", "2", "3", "4", "5"} {
		_, got[id] = d.Get(id)
	}
	if diff := cmp.Diff(map[string]bool{"1": true, "2": true, "3": false, "4": true, "5": false}, got); diff != "" {
		t.Errorf("known (-want +got):\n%s", diff)
	}
}

func TestDirectoryIsBounded(t *testing.T) {
	d := NewDirectory(100)
	for i := range 10_000 {
		d.Put(Identity{ID: fmt.Sprint(i)})
	}
	if len(d.entries) != 100 || d.order.Len() != 100 {
		t.Errorf("%d entries, %d in order", len(d.entries), d.order.Len())
	}
}

func TestDirectoryIsConcurrent(t *testing.T) {
	d := NewDirectory(10)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 1000 {
				id := fmt.Sprint(i % 20)
				d.Put(Identity{ID: id, Name: id})
				if got, ok := d.Get(id); ok && got.Name != id {
					t.Errorf("%s is %+v", id, got)
				}
			}
		})
	}
	all.Wait()
}

// Large identities leave room for fewer of them.
func TestDirectoryIsBoundedInBytes(t *testing.T) {
	d := NewDirectory(8192)
	label := strings.Repeat("x", 16<<10)
	identity := func(n int) Identity {
		return Identity{ID: fmt.Sprint(n), Labels: map[string]string{"l": label}}
	}
	const n = 2 * directoryBytes / (16 << 10)
	for i := range n {
		d.Put(identity(i))
		d.Put(identity(i)) // the same again takes no more room
	}
	if d.bytes > directoryBytes || d.order.Len() != len(d.entries) || len(d.entries) < n/2-8 {
		t.Errorf("%d bytes in %d entries, %d in order", d.bytes, len(d.entries), d.order.Len())
	}
	if _, ok := d.Get(fmt.Sprint(n - 1)); !ok {
		t.Error("the latest one is gone")
	}
	d.Put(Identity{ID: "grows"})
	d.Put(Identity{ID: "grows", Name: strings.Repeat("y", 2*directoryBytes)})
	if len(d.entries) != 1 {
		t.Errorf("%d entries beside one that is larger than all may be", len(d.entries)-1)
	}
}

// Labels are kept if they are asked for, a few short ones at most.
func TestDirectoryKeepsLabels(t *testing.T) {
	keys := []string{"tier", "empty", "long", "missing"}
	for n := range 2 * MaxLabels {
		keys = append(keys, fmt.Sprintf("key-%02d", n))
	}
	d := NewDirectory(2, keys...)
	all := map[string]string{"tier": "front", "empty": "", "long": strings.Repeat("x", maxLabelValue+1), "secret": "s3cr3t"}
	for n := range 2 * MaxLabels {
		all[fmt.Sprintf("key-%02d", n)] = strings.Repeat("v", maxLabelValue)
	}
	d.Put(Identity{ID: "a", Name: "web", Labels: all})
	got, _ := d.Get("a")
	want := map[string]string{"tier": "front", "empty": ""}
	for n := range MaxLabels - 4 {
		key := fmt.Sprintf("key-%02d", n)
		want[key] = all[key]
	}
	if diff := cmp.Diff(want, got.Labels); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	all["secret"] = "other"
	if d.Put(Identity{ID: "a", Name: "web", Labels: all}) {
		t.Error("a label that is not kept is news")
	}
	all["tier"] = "back"
	if !d.Put(Identity{ID: "a", Name: "web", Labels: all}) {
		t.Error("a label that is kept is no news")
	}
	if c := NewTracker(d, nil).Describe(&Ref{ID: "a"}); c.Labels["tier"] != "back" {
		t.Errorf("an event has %v", c.Labels)
	}
}
