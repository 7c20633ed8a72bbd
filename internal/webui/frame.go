package webui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"sync"

	"github.com/nsviz/nsviz/internal/drawing"
	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/groups"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// frame is the state of the host as viewers see it. It is immutable, but for what it has put together for them.
type frame struct {
	number   uint64
	epoch    string
	snapshot *model.Snapshot
	head     []byte
	// rows are the workloads by their keys, kills the OOM kills by theirs.
	rows, kills map[string]item
	// order and killOrder are the keys, as JSON. A heading in order is the key of a group behind a colon.
	order, killOrder item
	building         floorplan.Building

	workloads func() []report.Workload

	mu       sync.Mutex        // guards messages
	messages map[uint64][]byte // by the state that their reader has
}

// item is a part of a state as JSON, and the number of the first state that had it like that.
type item struct {
	json  []byte
	since uint64
}

// maxMessages bounds the messages that a state keeps: whoever asks may say what it has.
const maxMessages = 8

// maxKills bounds the kills of a state.
const maxKills = 100

// head is what there is once in a state.
type head struct {
	Host    string `json:"host,omitempty"`
	Kernel  string `json:"kernel,omitempty"`
	Now     int64  `json:"now"`
	Live    int    `json:"live"`
	VMs     int    `json:"vms,omitempty"`
	Kills   uint64 `json:"kills"`
	KillsOf int64  `json:"since,omitempty"`
	Lost    uint64 `json:"lost,omitempty"`
	Quiet   int    `json:"quiet,omitempty"`
	// Notes say what nsviz cannot see.
	Notes []string `json:"notes,omitempty"`
	// Layout changes with the rooms of the map, Hidden is how many sandboxes of pods have none.
	Layout string `json:"layout"`
	Hidden int    `json:"hidden,omitempty"`
	// Groups are the headings of the pods and projects, by their keys.
	Groups map[string]heading `json:"groups,omitempty"`
}

type heading struct {
	Title string `json:"title"`
	Words string `json:"words"`
}

// newFrame returns the state of a snapshot. What is as in the state before keeps its number.
func newFrame(before *frame, s *model.Snapshot, number uint64, epoch string) *frame {
	if before == nil {
		before = &frame{}
	}
	f := &frame{number: number, epoch: epoch, snapshot: s, messages: map[uint64][]byte{}}
	f.workloads = sync.OnceValue(func() []report.Workload { return report.Workloads(s) })
	f.building = floorplan.Live(s)
	f.rows = map[string]item{}
	var keys []string
	add := func(r *row) {
		if _, twice := f.rows[r.ID]; twice {
			return
		}
		f.rows[r.ID] = f.item(before.rows[r.ID], r)
		keys = append(keys, r.ID)
	}
	h := headOf(s, f.building)
	listed := make([]*model.Container, 0, len(s.Containers))
	for i := range s.Containers {
		listed = append(listed, &s.Containers[i])
	}
	for _, g := range groups.Arrange(listed) {
		if g.Of == nil {
			add(rowOf(g.Members[0], s, "", ""))
			continue
		}
		key := g.Key()
		h.Groups[key] = headingOf(&g)
		keys = append(keys, ":"+key)
		for _, c := range g.Members {
			add(rowOf(c, s, key, foreign.Name(g.MemberName(c))))
		}
	}
	for i := range s.VMs {
		add(vmRow(&s.VMs[i]))
	}
	for i := range s.FailedStarts {
		add(rowOf(&s.FailedStarts[i], s, "", ""))
	}
	f.order = f.item(before.order, keys)
	f.kills = map[string]item{}
	killKeys := []string{}
	for i := len(s.Kills) - 1; i >= 0 && len(killKeys) < maxKills; i-- {
		k := killOf(&s.Kills[i], s)
		if _, twice := f.kills[k.Key]; twice {
			continue
		}
		f.kills[k.Key] = f.item(before.kills[k.Key], k)
		killKeys = append(killKeys, k.Key)
	}
	f.killOrder = f.item(before.killOrder, killKeys)
	f.head = encode(h)
	return f
}

// item returns a value as an item; before is the one that it had in the state before.
func (f *frame) item(before item, v any) item {
	out := encode(v)
	if bytes.Equal(out, before.json) {
		return before
	}
	return item{out, f.number}
}

func encode(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil { // plain values, which can be encoded
		return []byte("null")
	}
	return out
}

// message returns what has changed since a state that its reader has; 0 is none. Readers with the same one share it.
func (f *frame) message(since uint64) []byte {
	if since > f.number { // of another nsviz
		since = 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.messages[since]; m != nil {
		return m
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"state":%s,"head":%s`, strconv.Quote(f.epoch+"."+strconv.FormatUint(f.number, 10)), f.head)
	write := func(name string, order item, items map[string]item) {
		if order.since > since {
			fmt.Fprintf(&b, `,"%s_order":%s`, name, order.json)
		}
		fmt.Fprintf(&b, `,"%s":[`, name)
		separator := ""
		for _, it := range items {
			if it.since > since {
				b.WriteString(separator)
				b.Write(it.json)
				separator = ","
			}
		}
		b.WriteByte(']')
	}
	write("rows", f.order, f.rows)
	write("kills", f.killOrder, f.kills)
	b.WriteByte('}')
	if len(f.messages) < maxMessages {
		f.messages[since] = b.Bytes()
	}
	return b.Bytes()
}

func headOf(s *model.Snapshot, b floorplan.Building) head {
	h := head{
		Host: foreign.Name(s.Host.Name), Kernel: foreign.Name(s.Host.Kernel), Now: s.Time.UnixMilli(), Live: s.LiveCount(), VMs: len(s.VMs),
		Kills: s.OOMKillCount(), Lost: s.LostCount(), Quiet: len(s.Quiet), Layout: layoutOf(b), Hidden: b.Hidden, Groups: map[string]heading{},
	}
	if !s.Totals.Since.IsZero() {
		h.KillsOf = s.Totals.Since.UnixMilli()
	}
	for _, n := range s.Host.Notes {
		h.Notes = append(h.Notes, foreign.Prose(n))
	}
	if s.Unseen.Blind() {
		h.Notes = append(h.Notes, "nsviz may not look into the processes of others here, so that some namespaces are unknown.")
	}
	return h
}

func headingOf(g *groups.Group) heading {
	live, ended := g.Count()
	words := fmt.Sprintf("%d running", live)
	if ended > 0 {
		words += fmt.Sprintf(", %d ended", ended)
	}
	if m := g.Memory(); m.Known {
		words += " · " + bytesOf(m.N)
		if m.AtLeast {
			words += " at least"
		}
	}
	if k := g.Kills(); k.Known && k.N > 0 {
		words += fmt.Sprintf(" · × %d", k.N)
	}
	return heading{foreign.Prose(g.Title()), words}
}

// layoutOf names what the map draws but for what rooms use: it changes if the map has to be drawn anew.
func layoutOf(b floorplan.Building) string {
	sum := fnv.New64a()
	var add func(rooms []*floorplan.Room)
	add = func(rooms []*floorplan.Room) {
		for _, r := range rooms {
			fmt.Fprintf(sum, "%s\x00%s\x00%v%v", roomKey(r), drawing.RoomName(r), r.Walls, r.InPod())
			switch {
			case r.VM != nil:
				fmt.Fprint(sum, sizeClass(r.VM.MemoryBytes, r.VM.ResidentBytes))
			case r.Container != nil:
				c := r.Container
				fmt.Fprint(sum, sizeClass(c.Memory.LimitBytes, c.Memory.UsageBytes), c.InitPID, c.Image, c.Memory.Unlimited)
				for _, m := range c.Namespaces {
					fmt.Fprint(sum, m.ID, m.Group, " ")
				}
			}
			fmt.Fprint(sum, "[")
			add(r.Inside())
			fmt.Fprint(sum, "]")
		}
	}
	add(b.Rooms)
	return strconv.FormatUint(sum.Sum64(), 36)
}

// sizeClass returns how large the room of something with so many bytes is, in the steps of floorplan.
func sizeClass(limit, usage *uint64) int {
	bytes := limit
	if bytes == nil {
		bytes = usage
	}
	if bytes == nil {
		return 0
	}
	return slices.IndexFunc([]uint64{32 << 20, 256 << 20, 2 << 30, 1<<64 - 1}, func(most uint64) bool { return *bytes <= most })
}
