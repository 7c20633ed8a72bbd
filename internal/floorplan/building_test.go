package floorplan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

var day = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// container returns a container, created so many seconds into the day. Its namespaces are, a letter each: o own, h the host's, ? unknown,
// ! abandoned, others shared with the containers that have the same letter.
func container(name string, created int, namespaces string) *model.Container {
	c := &model.Container{ID: name, Label: name, State: model.Running, Created: day.Add(time.Duration(created) * time.Second)}
	for i, r := range namespaces {
		m := &c.Namespaces[i]
		switch r {
		case 'o':
			*m = model.Membership{ID: uint64(1000*(created+1) + i), Relation: model.RelationOwn}
		case '!':
			*m = model.Membership{ID: uint64(1000*(created+1) + i), Relation: model.RelationOwn, Abandoned: &model.Abandoned{}}
		case 'h':
			*m = model.Membership{ID: uint64(i + 1), Relation: model.RelationHost}
		case '?':
		default:
			*m = model.Membership{ID: 1<<32 + uint64(r)<<8 + uint64(i), Relation: model.RelationShared, Group: int(r)}
		}
	}
	return c
}

// shared fills in with whom containers share, as a snapshot does.
func shared(list ...*model.Container) []*model.Container {
	for i := range event.NamespaceTypeCount {
		in := map[uint64][]string{}
		for _, c := range list {
			if c.Live() {
				in[c.Namespaces[i].ID] = append(in[c.Namespaces[i].ID], c.Label)
			}
		}
		for _, c := range list {
			if m := &c.Namespaces[i]; m.Relation == model.RelationShared {
				var others []string
				for _, label := range in[m.ID] {
					if label != c.Label {
						others = append(others, label)
					}
				}
				m.SharedWith = model.OthersNamed(others...)
			}
		}
	}
	return list
}

func in(parent string, c *model.Container) *model.Container {
	c.Parent = parent
	return c
}

func inPod(pod string, c *model.Container) *model.Container {
	c.Group = &event.Group{Kind: event.GroupPod, Name: pod, Member: c.Label}
	return c
}

func sandbox(c *model.Container) *model.Container {
	c.Kind = event.KindPod
	return c
}

func ended(c *model.Container) *model.Container {
	c.State = model.Exited
	return c
}

func vm(name string, started int, in string) *model.VM {
	return &model.VM{VM: fact.VM{PID: int32(started), Name: name, Started: day.Add(time.Duration(started) * time.Second)}, Container: in}
}

// outline writes rooms as name(walls)[inside]; a frame has no name. A wall is o closed, - open, ^ elsewhere, ! abandoned, ? unknown.
func outline(rooms []*Room) string {
	var out []string
	for _, r := range rooms {
		var b strings.Builder
		switch {
		case r.VM != nil:
			b.WriteString("vm " + r.VM.Name)
		case r.Container != nil:
			b.WriteString(r.Container.Label)
		case r.Pod() != nil:
			b.WriteString("pod " + r.Pod().Name)
		}
		if r.VM == nil && (r.Container == nil || r.Container.Live()) {
			b.WriteString("(")
			for _, w := range r.Walls {
				b.WriteByte("-o^!?"[w])
			}
			b.WriteString(")")
		}
		if len(r.Inside()) > 0 {
			b.WriteString("[" + outline(r.Inside()) + "]")
		}
		out = append(out, b.String())
	}
	return strings.Join(out, " ")
}

func TestRooms(t *testing.T) {
	for _, tt := range []struct {
		name string
		list []*model.Container
		vms  []*model.VM
		sel  Selection
		want string
	}{
		{"nothing", nil, nil, Selection{}, ""},
		{"own and the host's", shared(container("web", 1, "ooooohhh")), nil, Selection{}, "web(ooooo---)"},
		{"by creation", shared(container("b", 2, "oooooooo"), container("a", 1, "hhhhhhhh")), nil, Selection{}, "a(--------) b(oooooooo)"},
		{"unknown and abandoned", shared(container("web", 1, "?!oo?hhh")), nil, Selection{}, "web(?!oo?---)"},
		{
			"two that share are within one wall", shared(container("web", 1, "ooaoohhh"), container("db", 2, "ooooohhh"), container("side", 3, "ooaoohhh")), nil,
			Selection{}, "(--o-----)[web(oo-oo---) side(oo-oo---)] db(ooooo---)",
		},
		{
			"the larger set has the wall", shared(container("x", 1, "ooaohhhh"), container("y", 2, "ooabohhh"), container("z", 3, "ooooohhh"), container("w", 4, "ooabohhh")), nil,
			Selection{}, "(--o-----)[x(oo-o----) (---o----)[y(oo--o---) w(oo--o---)]] z(ooooo---)",
		},
		{
			"what is shared elsewhere", shared(container("x", 1, "ooaohhhh"), container("y", 2, "ooabhhhh"), container("z", 3, "ooobhhhh")), nil,
			Selection{}, "(--o-----)[x(oo-o----) y(oo-^----)] z(ooo^----)",
		},
		{
			"a set that a larger one divides",
			shared(container("x", 1, "aooohhhh"), container("y", 2, "aoobhhhh"), container("z", 3, "aoobhhhh"), container("v", 4, "ooobhhhh"), container("w", 5, "ooobhhhh")), nil,
			Selection{}, "x(^ooo----) (---o----)[y(^oo-----) z(^oo-----) v(ooo-----) w(ooo-----)]",
		},
		{
			"a pod", shared(inPod("cart", sandbox(container("pause", 1, "oopoohhh"))), inPod("cart", container("app", 2, "oopoohhh")), inPod("cart", container("log", 3, "oopoohhh"))), nil,
			Selection{}, "pod cart(--o-----)[app(oo-oo---) log(oo-oo---)]",
		},
		{
			"with its sandbox", shared(inPod("cart", sandbox(container("pause", 1, "oopoohhh"))), inPod("cart", container("app", 2, "oopoohhh"))), nil,
			Selection{Sandboxes: true}, "pod cart(--o-----)[pause(oo-oo---) app(oo-oo---)]",
		},
		{
			"a pod of one container is a room", shared(inPod("cart", sandbox(container("pause", 1, "oopphhhh"))), inPod("cart", container("app", 2, "oopphhhh"))), nil,
			Selection{}, "app(oooo----)",
		},
		{
			"a sandbox with a workload inside", shared(inPod("cart", sandbox(container("pause", 1, "oopoohhh"))), inPod("cart", container("app", 2, "oopoohhh")), in("pause", container("x", 3, "ooooohhh"))), nil,
			Selection{}, "pod cart(--o-----)[pause(oo-oo---)[x(ooooo---)] app(oo-oo---)]",
		},
		{"a sandbox alone", shared(inPod("cart", sandbox(container("pause", 1, "ooooohhh")))), nil, Selection{}, "pause(ooooo---)"},
		{
			"a pod in the host's namespaces", shared(inPod("cart", container("app", 1, "oohhhhhh")), inPod("cart", container("log", 2, "oohhhhhh"))), nil,
			Selection{}, "pod cart(--------)[app(oo------) log(oo------)]",
		},
		{
			"an ended member stays in its pod", shared(inPod("cart", container("app", 1, "ooooohhh")), inPod("cart", ended(container("job", 2, "ooooohhh")))), nil,
			Selection{}, "pod cart(--------)[app(ooooo---) job]",
		},
		{
			"rooms in rooms", shared(container("lxc", 1, "ooooouoh"), in("lxc", container("web", 2, "ooohouoh")), in("lxc", container("db", 3, "oooohuhh"))), nil,
			// Their user namespace is that of the room around. What is the host's in spite of the walls around leads elsewhere; of a type
			// that the room around has open, it does not.
			Selection{}, "lxc(ooooooo-)[web(ooo^o-o-) db(oooo^-^-)]",
		},
		{
			"siblings inside share", shared(container("kind", 1, "ooooohhh"), in("kind", container("a", 2, "ooaoohhh")), in("kind", container("b", 3, "ooaoohhh")), container("c", 4, "ooooohhh")), nil,
			Selection{}, "kind(ooooo---)[(--o-----)[a(oo-oo---) b(oo-oo---)]] c(ooooo---)",
		},
		{"inside of what is unknown", shared(container("out", 1, "oo??ohhh"), in("out", container("in", 2, "oohoohhh"))), nil, Selection{}, "out(oo??o---)[in(oo^oo---)]"},
		{"its own parent", shared(in("a", container("a", 1, "ooooohhh"))), nil, Selection{}, "a(ooooo---)"},
		{
			"parents in a circle", shared(in("c", container("a", 1, "oooooohh")), in("a", container("b", 2, "oooooohh")), in("b", container("c", 3, "oooooohh"))), nil,
			Selection{}, "c(oooooo--)[a(oooooo--)[b(oooooo--)]]",
		},
		{"a parent that has ended", shared(ended(container("out", 1, "")), in("out", container("in", 2, "ooooohhh"))), nil, Selection{}, "out in(ooooo---)"},
		{
			"virtual machines", shared(container("web", 2, "ooooohhh")), []*model.VM{vm("late", 3, ""), vm("early", 1, ""), vm("kata", 4, "web")},
			Selection{}, "vm early web(ooooo---)[vm kata] vm late",
		},
		{
			"a selection keeps what is around", shared(container("lxc", 1, "ooooohhh"), in("lxc", container("web", 2, "ooooohhh")), container("db", 3, "ooooohhh")), nil,
			Selection{Keep: func(r *Room) bool { return r.Container.Label == "web" }}, "lxc(ooooo---)[web(ooooo---)]",
		},
		{
			"walls do not change with a selection", shared(container("web", 1, "ooaoohhh"), container("side", 2, "ooaoohhh")), nil,
			Selection{Keep: func(r *Room) bool { return r.Container.Label == "web" }}, "(--o-----)[web(oo-oo---)]",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := Of(tt.list, tt.vms, tt.sel)
			if got := outline(b.Rooms); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
			if got := len(b.All()); got != b.Count {
				t.Errorf("%d rooms of workloads, counted %d", got, b.Count)
			}
		})
	}
}

// The pod's sandbox gets a room once the OOM killer took something from it.
func TestKilledSandboxHasARoom(t *testing.T) {
	pause := inPod("cart", sandbox(container("pause", 1, "oopoohhh")))
	list := shared(pause, inPod("cart", container("app", 2, "oopoohhh")))
	if b := Of(list, nil, Selection{}); b.Count != 1 || b.Hidden != 1 {
		t.Errorf("%d rooms, %d hidden", b.Count, b.Hidden)
	}
	pause.OOMKillsAtLeast = 1
	if b := Of(list, nil, Selection{}); b.Count != 2 || b.Hidden != 0 {
		t.Errorf("with a kill: %d rooms, %d hidden", b.Count, b.Hidden)
	}
}

// Every way of nesting and sharing makes a room for each workload, and none twice.
func FuzzOf(f *testing.F) {
	f.Add([]byte("\x03\x10ooaoohhh\x21ooaoohhh\x42ooooohhh"))
	f.Add([]byte{5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26})
	f.Fuzz(func(t *testing.T, data []byte) {
		list, vms := randomHost(data)
		b := Of(list, vms, Selection{Sandboxes: true})
		seen := map[any]bool{}
		for _, r := range b.All() {
			var who any = r.VM
			if r.Container != nil {
				who = r.Container
			}
			if seen[who] {
				t.Fatalf("two rooms for %v", who)
			}
			seen[who] = true
		}
		if len(seen) != len(list)+len(vms) || b.Count != len(seen) {
			t.Fatalf("%d rooms, counted %d, for %d containers and %d VMs: %s", len(seen), b.Count, len(list), len(vms), outline(b.Rooms))
		}
		checkWalls(t, b.Rooms)
		if less := Of(list, vms, Selection{}); less.Count+less.Hidden != b.Count {
			t.Fatalf("%d rooms and %d hidden, of %d", less.Count, less.Hidden, b.Count)
		} else {
			checkWalls(t, less.Rooms)
		}
		for _, size := range [][2]int{{118, 27}, {78, 14}, {198, 40}, {22, 4}, {30, 100}, {400, 9}} {
			checkPlan(t, b, b.Arrange(size[0], size[1], nil), size[0], size[1])
		}
	})
}

// randomHost makes a host of bytes.
func randomHost(data []byte) (list []*model.Container, vms []*model.VM) {
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		n := data[0]
		data = data[1:]
		return int(n)
	}
	for i := 0; len(data) > 0 && i < 200; i++ {
		kind := next()
		if kind%11 == 0 {
			v := vm(fmt.Sprint("vm", i), next(), fmt.Sprint("c", next()%50))
			v.MemoryBytes = new(uint64(next()) << 26)
			vms = append(vms, v)
			continue
		}
		var namespaces strings.Builder
		for range event.NamespaceTypeCount {
			namespaces.WriteByte("ohhaboo?!c"[next()%10])
		}
		c := container(fmt.Sprint("c", i), i, namespaces.String())
		c.Created = day.Add(time.Duration(next()) * time.Second)
		c.Memory.LimitBytes = new(uint64(next()) << 24)
		if kind%3 == 0 {
			c.Parent = fmt.Sprint("c", next()%50)
		}
		if kind%5 == 0 {
			inPod(fmt.Sprint("pod", next()%4), c)
			if kind%2 == 0 {
				sandbox(c)
			}
		}
		if kind%7 == 0 {
			ended(c)
		}
		list = append(list, c)
	}
	return shared(list...), vms
}

// checkWalls checks that the walls of rooms say who is in which namespace: two live containers can see each other through open walls
// exactly if they are in one.
func checkWalls(t *testing.T, rooms []*Room) {
	t.Helper()
	type at struct {
		c    *model.Container
		cell *Room // the innermost room with a closed wall; nil is the host's
	}
	elsewhere := &Room{}
	for _, typ := range event.NamespaceTypes() {
		var all []at
		var walk func(rooms []*Room, cell *Room)
		walk = func(rooms []*Room, cell *Room) {
			for _, r := range rooms {
				inner := cell
				if r.VM == nil && (r.Frame() || r.Container.Live()) {
					switch r.Walls[typ] {
					case Closed, Abandoned:
						inner = r
					case Open:
					default:
						inner = elsewhere // as the room itself says
					}
					if r.Container != nil && r.Walls[typ] == Open && cell != elsewhere {
						all = append(all, at{r.Container, cell})
					} else if r.Container != nil && r.Walls[typ] == Closed {
						all = append(all, at{r.Container, r})
					}
				}
				walk(r.Inside(), inner)
			}
		}
		walk(rooms, nil)
		for _, a := range all {
			for _, b := range all {
				if same := a.c.Namespaces[typ].ID == b.c.Namespaces[typ].ID; a.cell == b.cell && !same {
					t.Fatalf("%s: %s and %s seem to share, and do not: %s", typ, a.c.Label, b.c.Label, outline(rooms))
				} else if same && a.cell != b.cell {
					t.Fatalf("%s: there seems to be a wall between %s and %s: %s", typ, a.c.Label, b.c.Label, outline(rooms))
				}
			}
		}
	}
}
