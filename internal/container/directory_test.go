package container

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		{"new labels are no news", func(id *Identity) { id.Labels = map[string]string{"a": "b"} }, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := NewDirectory(2)
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
