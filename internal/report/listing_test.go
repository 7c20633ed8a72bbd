package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// listed returns a model's snapshot with n containers that share the host's user namespace, some also a net namespace, and with
// a machine and an ended one.
func listed(n int) *model.Snapshot {
	m := model.New(model.DefaultLimits())
	apply := func(seconds float64, f fact.Fact) {
		f.Time = at(seconds)
		m.Apply(f)
	}
	event1 := func(typ event.Type, c *event.Container, start *event.Start, exit *event.Exit) fact.Fact {
		return fact.Fact{Event: &event.Event{Type: typ, PID: 5, Comm: "app", Container: c, Start: start, Exit: exit}}
	}
	host := fact.Host{}
	host.Namespaces[event.User], host.Namespaces[event.Net] = 1, 2
	apply(0, fact.Fact{Host: &host})
	for i := range n {
		c := &event.Container{ID: fmt.Sprintf("%064x", i), Name: fmt.Sprintf("web%d", i), Runtime: "docker"}
		s := &event.Start{}
		s.Namespaces[event.User], s.Namespaces[event.Net] = 1, uint64(10+i/2)
		f := event1(event.ContainerStarted, c, s, nil)
		f.Event.Time = at(float64(i))
		apply(float64(i), f)
	}
	f := event1(event.ContainerExited, &event.Container{ID: fmt.Sprintf("%064x", 0)}, nil, &event.Exit{Code: new(int32(3)), Cause: event.CauseExited})
	f.Event.Time = at(float64(n))
	apply(float64(n), f)
	vm := fact.VM{PID: 77, Kind: "qemu", Name: "machine"}
	vm.NamespaceIDs[event.User], vm.NamespaceIDs[event.Net] = 1, 11
	apply(float64(n+1), fact.Fact{Namespaces: &fact.Survey{VMs: []fact.VM{vm}}})
	return m.Full()
}

// What a running nsviz answers is, once completed, what a look at the same state lists.
func TestListingIsComplete(t *testing.T) {
	s := listed(6)
	data, err := json.Marshal(NewListing(s))
	if err != nil {
		t.Fatal(err)
	}
	var l Listing
	if err := json.Unmarshal(data, &l); err != nil {
		t.Fatal(err)
	}
	want := Workloads(s)
	if n := len(want); n != 7 || want[5].State != model.Exited || want[6].Kind != KindVM {
		t.Fatalf("%d workloads: %+v", n, want)
	}
	if others := want[0].Namespaces[event.User].SharedWith; len(others) != 4 {
		t.Fatalf("shared with %v", others)
	}
	if diff := cmp.Diff(want, l.Complete(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-look +asked)\n%s", diff)
	}
	if !l.AsOf.Equal(s.Time) {
		t.Errorf("as of %v, want %v", l.AsOf, s.Time)
	}
}

// Whoever answers in the place of nsviz does no harm.
func TestListingOfAnybody(t *testing.T) {
	l := Listing{}
	const answer = `{"as_of":"2026-11-23T20:16:45Z","workloads":[{},{"id":"\\u001b[2J","name":"\\u001b[2J","kind":"\\u001b","state":"\\u001b","status":"\\u001b","runtime":"\\u001b",
		"image":"\\u001b","group":{"kind":"\\u001b","name":"\\u001b"},"namespaces":{"net":null,"mnt":{"id":1,"relation":"\\u001b[2J"},"pid":{"relation":"host"}},
		"vm":{"manager":"\\u001b","container":"\\u001b","acceleration":"\\u001b"}}]}`
	if err := json.Unmarshal([]byte(strings.ReplaceAll(answer, `\\`, `\`)), &l); err != nil {
		t.Fatal(err)
	}
	list := l.Complete()
	for _, width := range []int{0, 80} {
		var b strings.Builder
		if err := WriteWorkloads(&b, list, width, Cells{Zone: time.UTC}); err != nil || strings.Contains(b.String(), "\x1b") {
			t.Errorf("%v, %q", err, b.String())
		}
	}
	for _, format := range []string{"json", "{{.Name}}{{.ID}}{{.Kind}}{{.State}}{{.Status}}{{.Runtime}}{{.Image}}{{.Group}}{{.Namespaces.mnt}}{{.Namespaces.net}}"} {
		f, err := ParseFormat(format)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := f.Write(&b, list, Cells{Zone: time.UTC}); err != nil || strings.Contains(b.String(), "\x1b") {
			t.Errorf("%s: %v, %q", format, err, b.String())
		}
	}
}

// The answer grows with the number of containers, not with its square.
func TestListingIsLinear(t *testing.T) {
	size := func(n int) int {
		data, err := json.Marshal(NewListing(listed(n)))
		if err != nil {
			t.Fatal(err)
		}
		return len(data)
	}
	if few, many := size(100), size(800); many > 9*few {
		t.Errorf("100 containers take %d bytes, 800 take %d", few, many)
	}
}

func tableText(t *testing.T, s *model.Snapshot, width int, c Cells) string {
	t.Helper()
	c.Zone = time.UTC
	var b strings.Builder
	if err := WriteWorkloads(&b, Workloads(s), width, c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
