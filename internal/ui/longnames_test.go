package ui

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// renamed gives the containers of a scene names of 60 letters that differ only in the last one.
func renamed(s *model.Snapshot) *model.Snapshot {
	names := map[string]string{}
	for i := range s.Containers {
		c := &s.Containers[i]
		names[c.Label] = strings.Repeat("a-service-of-the-shop-", 3)[:58] + fmt.Sprint("-", i)
		c.Label = names[c.Label]
	}
	named := func(c *event.Container) *event.Container {
		if name := names[c.Label()]; name != "" {
			return &event.Container{ID: c.ID, Name: name}
		}
		return c
	}
	as := func(e *event.Event) {
		e.Container = named(e.Container)
		if e.OOM != nil {
			oom := *e.OOM
			oom.Victim.Container, e.OOM = named(oom.Victim.Container), &oom
		}
	}
	for i := range s.Kills {
		as(&s.Kills[i].Event)
	}
	for i := range s.Events {
		as(&s.Events[i])
	}
	for i := range s.Namespaces {
		members := make([]string, len(s.Namespaces[i].Containers))
		for j, label := range s.Namespaces[i].Containers {
			members[j] = names[label]
		}
		s.Namespaces[i].Containers = members
	}
	return s
}

// In every view each row says which container it is about, though the names differ only at their ends; the sentence about the latest kill is
// whole.
func TestLongNamesInEveryView(t *testing.T) {
	name := regexp.MustCompile(`a-s[a-z-]*…?[a-z-]*t-([0-9])`)
	for _, size := range [][2]int{{80, 24}, {120, 36}, {200, 50}, {300, 100}} {
		for tab, most := range map[Tab]string{Containers: "0123", Map: "0123", Namespaces: "3", Kills: "3", Starts: "123", Events: "3"} {
			for _, scene := range []func() *model.Snapshot{scene, sceneStarts} {
				text := Render(renamed(scene()), State{Tab: tab}, size[0], size[1]).Text()
				seen := map[string]bool{}
				for _, m := range name.FindAllStringSubmatch(text, -1) {
					seen[m[1]] = true
				}
				for _, n := range most {
					if !seen[string(n)] {
						t.Errorf("%v at %v: nothing says that it is container %c:\n%s", views[tab].title(), size, n, text)
					}
				}
				if words := strings.Join(strings.Fields(text), " "); tab == Containers && !strings.Contains(words, "was not the victim.") {
					t.Errorf("at %v the sentence is cut:\n%s", size, text)
				}
			}
		}
	}
}
