package survey

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/host/nsfs"
)

var midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// madeUp is a procfs of links and files, and a surveyor of it that has a clock of its own.
type madeUp struct {
	t    *testing.T
	proc string
	now  time.Time
	*surveyor

	changed map[int32]bool // what the next survey is given
}

func makeUp(t *testing.T) *madeUp {
	t.Helper()
	m := &madeUp{t: t, proc: t.TempDir(), now: midnight}
	m.write("stat", "cpu  1 2 3\n")
	m.write("self/comm", "nsviz\n")
	m.write("1/mountinfo", "9 8 0:4 net:[40] /run/netns/blue rw - nsfs nsfs rw\n")
	m.process(1, "init", map[event.NamespaceType]uint64{event.Mnt: 10, event.Net: 20})
	fs, err := host.Open(host.Roots{Proc: m.proc})
	if err != nil {
		t.Fatal(err)
	}
	m.surveyor = newSurveyor(Config{
		Machine: fs.Machine, Proc: fs.Proc, NS: fs.NS, SavesSearches: func() bool { return false }, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time {
			m.now = m.now.Add(time.Millisecond)
			return m.now
		},
	})
	return m
}

func (m *madeUp) write(path, content string) {
	m.t.Helper()
	path = filepath.Join(m.proc, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

func (m *madeUp) link(path, text string) {
	m.t.Helper()
	path = filepath.Join(m.proc, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(text, path); err != nil {
		m.t.Fatal(err)
	}
}

func (m *madeUp) process(pid int, comm string, ids map[event.NamespaceType]uint64) {
	m.t.Helper()
	m.write(fmt.Sprintf("%d/comm", pid), comm+"\n")
	for _, dir := range []string{"fd", "task"} {
		if err := os.MkdirAll(filepath.Join(m.proc, fmt.Sprint(pid), dir), 0o755); err != nil {
			m.t.Fatal(err)
		}
	}
	for typ, id := range ids {
		m.link(fmt.Sprintf("%d/ns/%s", pid, typ), fmt.Sprintf("%s:[%d]", typ, id))
	}
}

// look checks what a survey finds beyond what is always there.
func (m *madeUp) look(what string, known map[uint64]Known, thorough bool, want ...fact.Namespace) {
	m.t.Helper()
	got, err := m.run(m.t.Context(), Begun{Known: known, Changed: m.changed})
	if err != nil {
		m.t.Fatal(err)
	}
	want = append([]fact.Namespace{
		{Type: event.Mnt, ID: 10, Processes: []int32{1}},
		{Type: event.Net, ID: 20, Processes: []int32{1}},
		{Type: event.Net, ID: 40, PinnedBy: []string{"/run/netns/blue"}},
	}, want...)
	slices.SortFunc(want, func(a, b fact.Namespace) int { return int(a.ID) - int(b.ID) })
	if diff := cmp.Diff(want, got.Namespaces); diff != "" || got.Thorough != thorough {
		m.t.Errorf("%s: thorough is %t, want %t (-want +got):\n%s", what, got.Thorough, thorough, diff)
	}
}

func TestLook(t *testing.T) {
	m := makeUp(t)
	held := fact.Namespace{Type: event.Net, ID: 50, PinnedBy: []string{"an open file in PID 7 (holder)"}}
	later := fact.Namespace{Type: event.UTS, ID: 60, PinnedBy: []string{"a thread of PID 7 (holder)"}}
	m.process(7, "holder", nil)
	m.link("7/fd/3", "net:[50]")
	m.look("the first searches", nil, true, held)

	known := map[uint64]Known{50: {Type: event.Net}}
	m.link("7/task/8/ns/uts", "uts:[60]")
	m.look("nothing is missing, so that nothing is searched for", known, true, held)

	known[60] = Known{Type: event.UTS, Owner: 70}
	m.look("a search rests after the last", known, false, held)
	m.now = m.now.Add(time.Minute)
	owned := later
	owned.Owner = 70
	owner := fact.Namespace{Type: event.User, ID: 70, PinnedBy: []string{"a namespace that it owns"}}
	m.look("what is missing is searched for", known, true, held, owned, owner)
	m.look("where it was found is remembered", known, true, held, owned, owner)

	if err := os.Remove(filepath.Join(m.proc, "7/fd/3")); err != nil {
		t.Fatal(err)
	}
	m.now = m.now.Add(time.Minute)
	m.look("it is let go", known, true, owned, owner)
	known[50] = Known{Type: event.Net, Missed: 2}
	m.link("7/fd/4", "net:[50]")
	m.look("what has been missed is searched for more seldom", known, true, owned, owner)
	known[50] = Known{Type: event.Net, Missed: 3}
	m.now = m.now.Add(time.Minute)
	m.look("and is, now and then", known, true, held, owned, owner)
}

// A net namespace that only a socket keeps is found, and is kept as long as the socket is open.
func TestLookForSockets(t *testing.T) {
	m := makeUp(t)
	m.process(7, "holder", nil)
	m.link("7/fd/3", "socket:[900]")
	asked := 0
	m.Sockets = func() ([]nsfs.Pin, error) {
		asked++
		return []nsfs.Pin{nsfs.SocketPin(50, 7, 3, 900), nsfs.SocketPin(50, 7, 4, 901), nsfs.SocketPin(20, 7, 5, 9)}, nil
	}
	held := fact.Namespace{Type: event.Net, ID: 50, Owner: 80, PinnedBy: []string{"an open socket in PID 7 (holder)"}}
	owner := fact.Namespace{Type: event.User, ID: 80, PinnedBy: []string{"a namespace that it owns"}}
	known := map[uint64]Known{50: {Type: event.Net, Owner: 80}}
	m.look("the first searches", known, true, held, owner)
	m.look("where it was found is remembered", known, true, held, owner)
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	m.Sockets = func() ([]nsfs.Pin, error) { return nil, errors.New("not permitted") }
	if err := os.Remove(filepath.Join(m.proc, "7/fd/3")); err != nil {
		t.Fatal(err)
	}
	m.link("7/fd/3", "socket:[902]")
	m.now = m.now.Add(time.Minute)
	m.look("its number is another socket's", known, true)
}

func TestLookForVMs(t *testing.T) {
	m := makeUp(t)
	m.write("stat", "cpu  1 2 3\nbtime 1000\n")
	m.process(7, "qemu-system-x86", map[event.NamespaceType]uint64{event.Mnt: 10})
	m.link("7/exe", "/usr/bin/qemu-system-x86_64")
	m.link("7/fd/3", "anon_inode:kvm-vm")
	m.write("7/cmdline", "qemu-system-x86_64\x00-m\x0064\x00")
	m.write("7/stat", "7 (qemu-system-x86) S 1"+strings.Repeat(" 0", 17)+" 250 0\n")
	m.write("7/status", "Name:\tqemu-system-x86\nTgid:\t7\nPPid:\t1\nUid:\t0\t0\t0\t0\nNSpid:\t7\n")
	got, err := m.run(t.Context(), Begun{})
	if err != nil {
		t.Fatal(err)
	}
	want := []fact.VM{{
		PID: 7, Kind: "qemu", Started: time.Unix(1002, 500e6).UTC(), Acceleration: "kvm", MemoryBytes: new(uint64(64 << 20)),
		NamespaceIDs: event.NamespaceIDs{event.Mnt: 10},
	}}
	if diff := cmp.Diff(want, got.VMs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLookInOtherMountNamespaces(t *testing.T) {
	m := makeUp(t)
	m.process(7, "inside", map[event.NamespaceType]uint64{event.Mnt: 11})
	m.write("7/mountinfo", "9 8 0:4 net:[40] /run/netns/blue rw - nsfs nsfs rw\n9 8 0:4 net:[51] /run/x rw - nsfs nsfs rw\n")
	inside := fact.Namespace{Type: event.Mnt, ID: 11, Processes: []int32{7}}
	list, err := m.run(t.Context(), Begun{})
	if err != nil {
		t.Fatal(err)
	}
	want := []fact.Namespace{inside, {Type: event.Net, ID: 51, PinnedBy: []string{"/run/x in the mount namespace of PID 7 (inside)"}}}
	for range 2 { // found, and found again
		got := []fact.Namespace{}
		for _, n := range list.Namespaces {
			if n.ID == 11 || n.ID == 51 {
				got = append(got, n)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if list, err = m.run(t.Context(), Begun{}); err != nil {
			t.Fatal(err)
		}
	}
	m.write("7/mountinfo", "")
	m.look("unmounted", nil, true, inside)
}

// What keeps a PID namespace that nothing has entered is that its maker awaits a first child.
func TestLookForUnentered(t *testing.T) {
	m := makeUp(t)
	m.process(7, "maker", nil)
	m.link("7/task/7/ns/pid", "pid:[30]")
	known := map[uint64]Known{31: {Type: event.PID, Owner: 0, Unsharer: 7}}
	m.look("unentered", known, true, fact.Namespace{Type: event.PID, ID: 31, PinnedBy: []string{"the next child of PID 7 (maker)"}})
	m.link("7/task/7/ns/pid_for_children", "pid:[31]")
	m.now = m.now.Add(time.Minute)
	m.look("entered", known, true, fact.Namespace{Type: event.PID, ID: 31, PinnedBy: []string{"the next child of PID 7 (maker)"}})
}

// What a process is in is read again only where it may be another: of one that has changed it, that runs another program,
// that has taken the place of an earlier one, and now and then of all.
func TestLookReadsWhatMayHaveChanged(t *testing.T) {
	m := makeUp(t)
	net := func(id uint64) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(m.proc, "7/ns/net")); err != nil {
			t.Fatal(err)
		}
		m.link("7/ns/net", fmt.Sprintf("net:[%d]", id))
	}
	m.process(7, "app", map[event.NamespaceType]uint64{event.Net: 50})
	nobody := map[int32]bool{}
	id := uint64(50)
	freed := false
	known := func() map[uint64]Known {
		list := map[uint64]Known{10: {Type: event.Mnt}, 20: {Type: event.Net}, 40: {Type: event.Net}}
		if !freed {
			list[id] = Known{Type: event.Net}
		}
		return list
	}
	of7 := func(known map[uint64]Known) uint64 {
		t.Helper()
		survey, err := m.run(t.Context(), Begun{Known: known, Changed: m.changed})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range survey.Namespaces {
			if n.Type == event.Net && slices.Equal(n.Processes, []int32{7}) {
				return n.ID
			}
		}
		return 0
	}
	for _, step := range []struct {
		name    string
		changed map[int32]bool
		do      func()
		read    bool
	}{
		{"at first", nobody, func() {}, true},
		{"what it was in is gone", nobody, func() { freed = true }, true},
		{"nobody has changed", nobody, func() {}, false},
		{"another has changed", map[int32]bool{8: true}, func() {}, false},
		{"it has changed", map[int32]bool{7: true}, func() {}, true},
		{"any may have changed", nil, func() {}, true},
		{"it runs a program", nobody, func() { m.link("7/exe", "/bin/app") }, true},
		{"it runs the same one", nobody, func() {}, false},
		{"it is another process", nobody, func() {
			// The folder of before stays, so that its number is not given out again.
			if err := os.Rename(filepath.Join(m.proc, "7"), filepath.Join(m.proc, "gone")); err != nil {
				t.Fatal(err)
			}
			m.process(7, "app", nil)
			m.link("7/exe", "/bin/app")
		}, true},
	} {
		step.do()
		was, exists := id, known()
		freed = false
		id++
		net(id)
		m.changed = step.changed
		want := was
		if step.read {
			want = id
		}
		if got := of7(exists); got != want {
			t.Errorf("%s: found in %d, want %d", step.name, got, want)
		}
		id = want
	}
	id++
	net(id)
	if err := os.Rename(filepath.Join(m.proc, "1/mountinfo"), filepath.Join(m.proc, "1/away")); err != nil {
		t.Fatal(err)
	}
	m.changed = map[int32]bool{7: true}
	if _, err := m.run(t.Context(), Begun{Changed: m.changed}); err == nil {
		t.Fatal("a survey without mounts succeeds")
	}
	if err := os.Rename(filepath.Join(m.proc, "1/away"), filepath.Join(m.proc, "1/mountinfo")); err != nil {
		t.Fatal(err)
	}
	id++
	net(id)
	m.changed = nobody
	if got := of7(known()); got != id {
		t.Errorf("the survey before has failed, and it is found in %d, want %d", got, id)
	}

	net(90)
	for n := 1; ; n++ {
		m.changed = nobody
		if of7(known()) == 90 {
			break
		}
		if n == readAllEvery {
			t.Fatal("it is not read for ever")
		}
	}
}

// Whoever is given what the kernel has answered before does not ask it again, and has all that the answer says.
func TestKernelIsAskedOnce(t *testing.T) {
	fs, err := host.Open(host.Roots{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := fs.NS.Of(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	s := newSurveyor(Config{
		Machine: fs.Machine, Proc: fs.Proc, NS: fs.NS, SavesSearches: func() bool { return true }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	first, err := s.run(t.Context(), Begun{})
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.run(t.Context(), Begun{Known: known(first)})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range own {
		if id == 0 {
			continue // of a type that the kernel lacks
		}
		of := func(r Result) (n fact.Namespace) {
			i := slices.IndexFunc(r.Namespaces, func(n fact.Namespace) bool { return n.ID == id })
			n = r.Namespaces[i]
			return fact.Namespace{Type: n.Type, ID: n.ID, Owner: n.Owner, Parent: n.Parent}
		}
		if first.Asked[id].IsZero() || !second.Asked[id].IsZero() {
			t.Errorf("%d: asked at %v, and again at %v", id, first.Asked[id], second.Asked[id])
		}
		if diff := cmp.Diff(of(first), of(second)); diff != "" {
			t.Errorf("(-first +second):\n%s", diff)
		}
	}
}

// known is what is known after a survey.
func known(r Result) map[uint64]Known {
	list := make(map[uint64]Known, len(r.Namespaces))
	for _, n := range r.Namespaces {
		_, asked := r.Asked[n.ID]
		list[n.ID] = Known{Type: n.Type, Owner: n.Owner, Parent: n.Parent, Asked: asked}
	}
	return list
}
