package diagram

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// alone returns a container with namespaces of its own, but for the host's user namespace.
func alone(id int, label string) model.Container {
	c := model.Container{ID: fmt.Sprint(id), Label: label, State: model.Running, InitPID: int32(100 + id), Created: time.Unix(int64(id), 0)}
	for t := range c.Namespaces {
		c.Namespaces[t] = model.Membership{ID: uint64(1000*id + t), Relation: model.RelationOwn}
	}
	c.Namespaces[event.User] = model.Membership{ID: 1, Relation: model.RelationHost}
	return c
}

func picture(t *testing.T, s *model.Snapshot) string {
	t.Helper()
	var out, again bytes.Buffer
	if err := errors.Join(WriteSVG(&out, s), WriteSVG(&again, s)); err != nil {
		t.Fatal(err)
	}
	if out.String() != again.String() {
		t.Error("two pictures of one snapshot differ")
	}
	elements := map[string]bool{"svg": true, "title": true, "style": true, "g": true, "rect": true, "line": true, "text": true}
	for d := xml.NewDecoder(strings.NewReader(out.String())); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		if e, is := token.(xml.StartElement); is && !elements[e.Name.Local] {
			t.Errorf("the picture has a <%s>", e.Name.Local)
		}
	}
}

func TestSVG(t *testing.T) {
	web, db, bare, gone := alone(1, "web"), alone(2, "db"), alone(3, "bare"), alone(4, "gone")
	web.Namespaces[event.Net] = model.Membership{ID: 7, Relation: model.RelationShared, Group: 1}
	db.Namespaces[event.Net] = web.Namespaces[event.Net]
	bare.Namespaces[event.Net] = model.Membership{ID: 2, Relation: model.RelationHost}
	bare.Namespaces[event.IPC] = model.Membership{Relation: model.RelationUnknown}
	gone.State = model.Exited
	s := &model.Snapshot{
		Host:       fact.Host{Name: "node", Kernel: "6.1"},
		Containers: []model.Container{web, db, bare, gone},
		VMs:        []model.VM{{VM: fact.VM{PID: 9, Name: "guest", Started: time.Unix(9, 0)}}},
		Namespaces: []model.Namespace{{Type: event.Net, ID: 13, PinnedBy: []string{"/run/netns/x"}}, {Type: event.Net, ID: 2, Host: true}},
	}
	got := picture(t, s)
	for _, want := range []string{
		">the host node: 4 workloads<", ">one kernel under all containers: Linux 6.1<", ">its own kernel<", ">guest<", ">web<", ">PID 101<",
		">all inside share net<", `class="shared-name" `, ">○net<", ">?ipc<", ">net 13: no process is in it, kept by /run/netns/x<",
		"<title>web; mnt 1000 (own); pid 1001 (own); net 7 (shared);",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, ">gone<") {
		t.Error("an ended container has a room")
	}
	if got := picture(t, &model.Snapshot{}); !strings.Contains(got, "No container runs, and no virtual machine") {
		t.Errorf("the picture of nothing is\n%s", got)
	}
}

// Names from outside are text and nothing else, and stay within their rooms.
func TestSVGOfHostileNames(t *testing.T) {
	for _, name := range []string{`</text><script>alert(1)</script>`, "\x1b[2J\u202e\x00\xff]]>", `"><a href="x">`, strings.Repeat("長い名前", 99)} {
		c := alone(1, name)
		c.Image = name
		s := &model.Snapshot{Host: fact.Host{Name: name, Kernel: name}, Containers: []model.Container{c}, Namespaces: []model.Namespace{{ID: 9, PinnedBy: []string{name}}}}
		got := picture(t, s)
		for _, bad := range []string{"\x1b", "\u202e", "\x00", "\xff"} {
			if strings.Contains(got, bad) {
				t.Errorf("%q is in the picture of %q", bad, name)
			}
		}
	}
}

// However many there are, all have a room.
func TestSVGOfMany(t *testing.T) {
	s := &model.Snapshot{}
	for i := range 500 {
		s.Containers = append(s.Containers, alone(i+1, fmt.Sprintf("name-%d", i)))
	}
	got := picture(t, s)
	for i := range 500 {
		if !strings.Contains(got, fmt.Sprintf(">name-%d<", i)) {
			t.Errorf("name-%d has no room", i)
		}
	}
	if !strings.Contains(got, ": 500 workloads<") {
		t.Error("some are not drawn")
	}
}
