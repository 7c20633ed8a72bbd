package drawing

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/model"
)

// scene has walls of every kind.
func scene() *model.Snapshot {
	s := &model.Snapshot{Host: fact.Host{Name: "node", Kernel: "6.1"}, VMs: []model.VM{{VM: fact.VM{PID: 9, Name: "guest", Started: time.Unix(9, 0)}}}}
	for i, name := range []string{"web", "db", "odd"} {
		c := model.Container{ID: name, Label: name, State: model.Running, InitPID: int32(100 + i), Created: time.Unix(int64(i), 0)}
		for t := range c.Namespaces {
			c.Namespaces[t] = model.Membership{ID: uint64(1000*(i+1) + t), Relation: model.RelationOwn}
		}
		s.Containers = append(s.Containers, c)
	}
	web, odd := &s.Containers[0], &s.Containers[2]
	shared := model.Membership{ID: 7, Relation: model.RelationShared, Group: 1, SharedWith: model.OthersNamed("another")}
	web.Namespaces[event.IPC], odd.Namespaces[event.IPC] = shared, shared
	web.Namespaces[event.Net] = model.Membership{ID: 8, Relation: model.RelationShared, Group: 2, SharedWith: model.OthersNamed("one")}
	s.Containers[1].Namespaces[event.Net] = web.Namespaces[event.Net]
	odd.Namespaces[event.UTS] = model.Membership{ID: 1, Relation: model.RelationHost}
	odd.Namespaces[event.Time] = model.Membership{ID: 2, Relation: model.RelationHost}
	odd.Namespaces[event.PID] = model.Membership{ID: 3, Relation: model.RelationOwn, Abandoned: &model.Abandoned{}}
	odd.Namespaces[event.Mnt] = model.Membership{Relation: model.RelationUnknown}
	return s
}

func sheet(s *model.Snapshot) Sheet {
	return Sheet{Host: s.Host, Building: floorplan.Live(s), Width: 100, Height: 20, Contents: func(r *floorplan.Room) Contents {
		in := Contents{About: RoomName(r), Level: &Level{Used: 300, Cached: 100, Class: "calm"}, Mark: "× 3"}
		if !r.Frame() {
			in.Key, in.Link = "k", "#/k"
		}
		return in
	}}
}

// written returns a drawing, and the classes of its elements.
func written(t *testing.T, s Sheet) (text string, classes map[string]bool) {
	t.Helper()
	var out strings.Builder
	if err := s.Write(&out); err != nil {
		t.Fatal(err)
	}
	classes = map[string]bool{}
	for d := xml.NewDecoder(strings.NewReader(out.String())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out.String(), classes
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		if e, is := token.(xml.StartElement); is {
			for _, a := range e.Attr {
				if a.Name.Local == "class" {
					for c := range strings.FieldsSeq(a.Value) {
						classes[c] = true
					}
				}
			}
		}
	}
}

// A wall of the scene has each look of the legend, and no other.
func TestLegendIsComplete(t *testing.T) {
	_, drawn := written(t, sheet(scene()))
	explained := map[string]bool{"vm": true} // it says that it has a kernel of its own
	for _, l := range legend {
		explained[l.kind] = true
		if !drawn[l.kind] {
			t.Errorf("no wall is %s", l.kind)
		}
	}
	all := sheet(scene())
	for _, at := range all.plan().Places {
		if at.Room.VM != nil {
			continue
		}
		for s := range at.Segments() {
			if l := lookOf(at.Room, s); !explained[l.kind] {
				t.Errorf("the legend lacks %s", l.kind)
			}
		}
	}
}

// A document has the colours themselves: viewers that know no variables draw it, too. Every class that is drawn has a rule.
func TestDocumentNeedsNoPage(t *testing.T) {
	s := sheet(scene())
	s.Document, s.Legend, s.Notes = true, true, []string{"a note"}
	got, classes := written(t, s)
	for _, bad := range []string{"var(", "light-dark", "--", "<a ", "data-key", "href"} {
		if strings.Contains(got, bad) {
			t.Errorf("the document has %s", bad)
		}
	}
	usual, dark, found := strings.Cut(documentStyles(), "@media (prefers-color-scheme: dark)")
	if !found || !strings.Contains(usual, "#13632a") || !strings.Contains(dark, "#6fd58a") {
		t.Errorf("the styles are\n%s", documentStyles())
	}
	if empty := regexp.MustCompile(`: *[;}]`).FindString(documentStyles()); empty != "" {
		t.Error("a rule uses a variable that the palette lacks")
	}
	for _, group := range []string{"floor", "level", "side", "frame", "calm", "vm"} { // of elements whose parts or other classes have rules
		delete(classes, group)
	}
	for c := range classes {
		if !regexp.MustCompile(`\.` + c + `\b`).MatchString(Rooms) {
			t.Errorf("rooms.css has no rule for %s", c)
		}
	}
	if !strings.Contains(got, ">a note<") || !strings.Contains(got, ">its own<") {
		t.Error("what belongs below the house is missing")
	}
}

// On a page a workload's room is a link, which its scripts find by its key.
func TestPageHasLinks(t *testing.T) {
	s := sheet(scene())
	s.Wall = func(*floorplan.Room, floorplan.Segment) string { return "a <wall>" }
	got, _ := written(t, s)
	for what, want := range map[string]int{`<a class="room" data-key="k" href="#/k"`: 4, `<g class="frame">`: 1, "<style>": 0, ">its own<": 0} {
		if n := strings.Count(got, what); n != want {
			t.Errorf("%d × %s, want %d", n, what, want)
		}
	}
	if !strings.Contains(got, "<title>a &lt;wall&gt;</title>") {
		t.Error("no wall is described")
	}
}

// Where a line does not fit, its brief form stands there, and else it is shortened.
func TestLinesFit(t *testing.T) {
	s := sheet(scene())
	s.Width, s.Height = 32, 12
	s.Contents = func(*floorplan.Room) Contents {
		return Contents{Lines: []Line{{Words: strings.Repeat("long ", 20), Brief: "brief"}, {Words: "from " + strings.Repeat("x", 99) + " to"}, {Words: "never"}}}
	}
	got, _ := written(t, s)
	if !strings.Contains(got, ">brief<") || !regexp.MustCompile(`>from x+…x* to<`).MatchString(got) || strings.Contains(got, "never") {
		t.Errorf("the lines are\n%s", got)
	}
}
