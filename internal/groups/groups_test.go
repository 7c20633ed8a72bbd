package groups

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

func in(label string, g *event.Group) *model.Container {
	return &model.Container{ID: label, Label: label, State: model.Running, Group: g}
}

func compose(project, service string) *event.Group {
	return &event.Group{Kind: event.GroupCompose, Name: project, Member: service}
}

func pod(namespace, name, container string) *event.Group {
	return &event.Group{Kind: event.GroupPod, Namespace: namespace, Name: name, Member: container}
}

// outline writes an arrangement as headings with their members.
func outline(list []Group) string {
	var lines []string
	for _, g := range list {
		of := ""
		if g.Of != nil {
			of = g.Title() + ":"
		}
		for _, c := range g.Members {
			of += " " + c.Label
		}
		lines = append(lines, strings.TrimSpace(of))
	}
	return strings.Join(lines, "; ")
}

func TestArrange(t *testing.T) {
	sandbox := in("pause", pod("shop", "cart", ""))
	sandbox.Kind = event.KindPod
	list := []*model.Container{
		in("web", nil), sandbox, in("a", compose("shop", "a")), in("app", pod("shop", "cart", "app")), in("x", pod("", "shop", "x")),
		in("odd", pod("a", "b/c", "")), in("odder", pod("a/b", "c", "")), in("db", nil), in("b", compose("shop", "b")), in("side", pod("shop", "cart", "side")), in("y", pod("other", "cart", "y")), in("z", compose("blog", "z")),
	}
	want := "web; shop/cart · pod: app side pause; shop · compose: a b; shop · pod: x; a/b/c · pod: odd; a/b/c · pod: odder; db; other/cart · pod: y; blog · compose: z"
	if got := outline(Arrange(list)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	keys := map[string]bool{}
	for _, g := range Arrange(list) {
		if g.Of == nil {
			continue
		}
		if keys[g.Key()] {
			t.Errorf("two groups have the key %q", g.Key())
		}
		keys[g.Key()] = true
	}
}

func TestMemberName(t *testing.T) {
	sandbox := in("pause", pod("", "cart", ""))
	sandbox.Kind = event.KindPod
	gone := in("old-worker", compose("shop", "worker"))
	gone.State = model.Exited
	for _, g := range Arrange([]*model.Container{
		in("shop-web-1", compose("shop", "web")), in("one", compose("shop", "same")), in("two", compose("shop", "same")),
		in("nameless", compose("shop", "")), in("shop-worker-1", compose("shop", "worker")), gone, sandbox,
	}) {
		var names []string
		for _, c := range g.Members {
			names = append(names, g.MemberName(c))
		}
		want := map[string]string{"shop": "[web one two nameless worker worker]", "cart": "[infra]"}[g.Of.Name]
		if got := fmt.Sprint(names); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestSums(t *testing.T) {
	n := func(n uint64) *uint64 { return &n }
	a, b, c, sandbox := in("a", pod("", "p", "a")), in("b", pod("", "p", "b")), in("c", pod("", "p", "c")), in("s", pod("", "p", ""))
	sandbox.Kind = event.KindPod
	a.Memory.UsageBytes, a.OOMKills, a.OOMKillsAtLeast, a.Processes = n(3), n(2), 2, new(4)
	b.State, b.Memory.UsageBytes, b.OOMKills, b.Processes = model.Exited, n(100), n(5), nil
	g := Arrange([]*model.Container{a, b})[0]
	if got, want := g.Memory(), (Sum{3, true, false}); got != want {
		t.Errorf("memory %+v, want that of the live ones, %+v", got, want)
	}
	if got, want := g.Kills(), (Sum{7, true, false}); got != want {
		t.Errorf("kills %+v, want %+v", got, want)
	}
	if got, want := g.Processes(), (Sum{4, true, false}); got != want {
		t.Errorf("processes %+v, want %+v", got, want)
	}
	c.OOMKillsAtLeast = 1
	g = Arrange([]*model.Container{a, b, c, sandbox})[0]
	if got, want := g.Memory(), (Sum{3, true, true}); got != want {
		t.Errorf("memory with an unknown one %+v, want %+v", got, want)
	}
	if got, want := g.Kills(), (Sum{8, true, true}); got != want {
		t.Errorf("kills with an unknown one %+v, want %+v", got, want)
	}
	if live, ended := g.Count(); live != 2 || ended != 1 {
		t.Errorf("%d live, %d ended", live, ended)
	}
	g = Arrange([]*model.Container{sandbox})[0]
	if live, _ := g.Count(); live != 1 || g.Memory().Known {
		t.Errorf("a sandbox alone: %d live, memory %+v", live, g.Memory())
	}
}
