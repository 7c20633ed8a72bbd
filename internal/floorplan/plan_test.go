package floorplan

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

func inside(a, b Rect) bool {
	return a.X >= b.X && a.Y >= b.Y && a.X+a.W <= b.X+b.W && a.Y+a.H <= b.Y+b.H
}

func overlap(a, b Rect) bool {
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

// checkPlan checks what is true of every plan: all is on the floor, rooms are inside those around them, below their heads, and beside
// each other; each own namespace is on a wall; and every workload is drawn or counted.
func checkPlan(t *testing.T, b Building, p Plan, w, h int) {
	t.Helper()
	around := map[*Room]*Room{}
	var walk func(rooms []*Room, in *Room)
	walk = func(rooms []*Room, in *Room) {
		for _, r := range rooms {
			around[r] = in
			walk(r.Inside(), r)
		}
	}
	walk(b.Rooms, nil)
	places := map[*Room]Place{}
	drawn := 0
	for i, at := range p.Places {
		if !at.Room.Frame() {
			drawn++
		}
		if _, twice := places[at.Room]; twice {
			t.Fatalf("a room is drawn twice")
		}
		places[at.Room] = at
		if at.W < leastW || at.Room.Container != nil && at.H < leastH {
			t.Fatalf("a room of %dx%d is too small", at.W, at.H)
		}
		space := Rect{0, 0, w, h}
		if in := around[at.Room]; in != nil {
			outer, ok := places[in]
			if !ok {
				t.Fatal("a room is drawn before the one around it")
			}
			space = Rect{outer.X + 1, outer.Y + 1 + outer.Head, outer.W - 2, outer.H - 2 - outer.Head}
			if at.Depth != outer.Depth+1 {
				t.Fatalf("depth %d inside of %d", at.Depth, outer.Depth)
			}
		}
		if !inside(at.Rect, space) {
			t.Fatalf("%v is not inside of %v", at.Rect, space)
		}
		for _, other := range p.Places[:i] {
			if around[other.Room] == around[at.Room] && overlap(other.Rect, at.Rect) {
				t.Fatalf("%v and %v overlap", other.Rect, at.Rect)
			}
		}
		checkSegments(t, at)
	}
	if drawn != p.Drawn || p.Drawn+p.LeftOut != b.Count || p.Page < 1 || p.Page > p.Pages {
		t.Fatalf("%d drawn, counted %d, and %d left out of %d; page %d of %d", drawn, p.Drawn, p.LeftOut, b.Count, p.Page, p.Pages)
	}
}

// checkSegments checks that each type of namespace has one part of the walls, with space for its name, and that no parts overlap.
func checkSegments(t *testing.T, p Place) {
	t.Helper()
	seen := map[event.NamespaceType]Wall{}
	used := map[Side]map[int]bool{Left: {}, Right: {}, Bottom: {}}
	for s := range p.Segments() {
		if _, twice := seen[s.Type]; twice {
			t.Fatalf("%s has two walls", s.Type)
		}
		seen[s.Type] = s.Wall
		length, least := p.H, 1
		if s.Side == Bottom {
			length, least = p.W, nameW
		}
		if s.From < 1 || s.To > length-1 || s.To-s.From < least {
			t.Fatalf("the wall of %s is from %d to %d of %d: %+v", s.Type, s.From, s.To, length, p)
		}
		for i := s.From; i < s.To; i++ {
			if used[s.Side][i] {
				t.Fatalf("two walls at %d of side %d", i, s.Side)
			}
			used[s.Side][i] = true
		}
	}
	for typ, wall := range p.Room.Walls {
		if got, drawn := seen[event.NamespaceType(typ)]; drawn && got != wall || !drawn && (!p.Room.Frame() || wall == Closed) {
			t.Fatalf("the wall of %s is %d, drawn %d (%v)", event.NamespaceType(typ), wall, got, drawn)
		}
	}
}

// ward returns n containers of a plain host, each in namespaces of its own.
func ward(n int) []*model.Container {
	var list []*model.Container
	for i := range n {
		c := container(fmt.Sprint("c", i), i, "ooooohhh")
		c.Memory.LimitBytes = new(uint64(32 << 20))
		list = append(list, c)
	}
	return list
}

func TestPlansOfManySizes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 40 {
		data := make([]byte, n*10)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		list, vms := randomHost(data)
		b := Of(list, vms, Selection{Sandboxes: true})
		w, h := random.IntN(260), random.IntN(80)
		first := b.Arrange(w, h, nil)
		seen := map[*Room]bool{}
		for _, r := range b.All() {
			p := b.Arrange(w, h, r)
			checkPlan(t, b, p, w, h)
			if p.Pages != first.Pages {
				t.Fatalf("%d pages, and then %d", first.Pages, p.Pages)
			}
			for i := range p.Places {
				seen[p.Places[i].Room] = true
			}
		}
		if first.Pages == 1 && w >= leastW && h >= leastH && len(b.Rooms) > 0 && first.Drawn == 0 {
			t.Fatalf("nothing is drawn on %dx%d", w, h)
		}
	}
}

// 4, 12 and 30 workloads are all on one floor of a screen of 120x36, and 12 on one of 80x24.
func TestAllAreDrawn(t *testing.T) {
	for _, tt := range []struct{ n, w, h int }{{4, 118, 27}, {12, 118, 27}, {30, 118, 27}, {4, 78, 13}, {9, 78, 13}, {30, 198, 34}, {60, 198, 34}} {
		b := Of(ward(tt.n), nil, Selection{})
		p := b.Arrange(tt.w, tt.h, nil)
		checkPlan(t, b, p, tt.w, tt.h)
		if p.LeftOut > 0 || p.Pages > 1 {
			t.Errorf("%d workloads on %dx%d: %d left out, %d pages", tt.n, tt.w, tt.h, p.LeftOut, p.Pages)
		}
	}
}

// Every workload is on some page, which is the one with the chosen room.
func TestPages(t *testing.T) {
	b := Of(ward(200), nil, Selection{})
	pages := map[int]int{}
	for _, r := range b.All() {
		p := b.Arrange(118, 27, r)
		checkPlan(t, b, p, 118, 27)
		if !contains(&Room{nested: &nested{inside: roomsOf(p)}}, r) {
			t.Fatalf("%s is not on its page", r.Container.Label)
		}
		pages[p.Page] = p.Drawn
	}
	sum := 0
	for _, drawn := range pages {
		sum += drawn
	}
	if len(pages) != 7 || sum != 200 {
		t.Errorf("%d workloads on the pages %v", sum, pages)
	}
}

func roomsOf(p Plan) (rooms []*Room) {
	for i := range p.Places {
		rooms = append(rooms, p.Places[i].Room)
	}
	return rooms
}

func rects(p Plan) map[string]Rect {
	out := map[string]Rect{}
	for _, at := range p.Places {
		if at.Room.Container != nil {
			out[at.Room.Container.Label] = at.Rect
		}
	}
	return out
}

// A room keeps its place while others come, while the latest go, and whatever is used.
func TestRoomsKeepTheirPlaces(t *testing.T) {
	arrange := func(list []*model.Container) map[string]Rect {
		return rects(Of(list, nil, Selection{}).Arrange(118, 27, nil))
	}
	list := ward(12)
	before := arrange(list[:11])
	after := arrange(list)
	for name, rect := range before {
		if after[name] != rect {
			t.Errorf("%s was at %v, and is at %v once another came", name, rect, after[name])
		}
	}
	list[3].Memory.UsageBytes = new(uint64(31 << 20))
	ended(list[5])
	for name, rect := range arrange(list) {
		if after[name] != rect {
			t.Errorf("%s was at %v, and is at %v once others use more or have ended", name, after[name], rect)
		}
	}
}

// A room is wider the higher its limit is, and as high as others.
func TestSizeFollowsMemory(t *testing.T) {
	list := ward(4)
	for i, limit := range []uint64{32 << 20, 256 << 20, 2 << 30, 3 << 30} {
		list[i].Memory.LimitBytes = &limit
	}
	at := rects(Of(list, nil, Selection{}).Arrange(198, 40, nil))
	for i := 1; i < 4; i++ {
		if less, more := at[list[i-1].Label], at[list[i].Label]; less.W >= more.W || less.H != more.H {
			t.Errorf("%v, and with more memory %v", less, more)
		}
	}
}

// Up and down lead to what is above and below, and back.
func TestBeside(t *testing.T) {
	b := Of(ward(12), nil, Selection{})
	p := b.Arrange(118, 27, nil)
	for _, r := range b.All() {
		below := p.Beside(r, true)
		if below == nil {
			continue
		}
		if back := p.Beside(below, false); back != r {
			t.Errorf("down from %s is %s, and up from there is %v", r.Container.Label, below.Container.Label, back)
		}
	}
	if p.Beside(b.Rooms[0], true) == nil || p.Beside(b.Rooms[0], false) != nil || p.Beside(&Room{}, true) != nil {
		t.Error("the first room has none below it or one above it, or a room that is not there has")
	}
}

func BenchmarkArrange(b *testing.B) {
	for _, n := range []int{30, 1000} {
		b.Run(fmt.Sprintf("containers=%d", n), func(b *testing.B) {
			list := ward(n)
			b.ReportAllocs()
			for b.Loop() {
				Of(list, nil, Selection{}).Arrange(198, 34, nil)
			}
		})
	}
}
