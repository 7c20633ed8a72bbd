//go:build root

package pipeline_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// own prints its PID on the host, whatever PID namespace it is in, and execs a program that waits.
const own = `read self rest </proc/self/stat; echo $self; exec cat`

// kept is a namespace that no process is in any more, and what keeps it.
type kept struct {
	namespace

	owner, parent uint64
	why           string
	holder        int32 // the process in why, if there is one
	release       func()
	// unreachable is whether one look can find but not reach it, to ask for its owner; unseen is whether
	// it cannot even find it.
	unreachable, unseen bool
}

func (k kept) reason(t *testing.T) string {
	t.Helper()
	if k.holder == 0 {
		return k.why
	}
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", k.holder))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s PID %d (%s)", k.why, k.holder, strings.TrimSuffix(string(comm), "\n"))
}

// TestKeptNamespaces makes one namespace for each thing that can keep it, lets its last process go, and
// then what keeps it. Between the two it is alive and said to be kept by that; after it, it is freed.
func TestKeptNamespaces(t *testing.T) {
	w := watch(t)
	user := of(t, int32(os.Getpid()), event.User).id
	makers := map[string]func(*testing.T, uint64) []kept{
		"bind mount": byMount, "bind mount elsewhere": byForeignMount, "open file": byFile, "open file of a bind mount": byMountedFile,
		"thread": byThread, "socket": bySocket, "children's time": byTime, "children's pid": byPID,
		"no child's pid": func(t *testing.T, user uint64) []kept { return byUnenteredPID(t, w, user) }, "child namespaces": byChildren,
	}
	all := map[string]kept{}
	for name, maker := range makers {
		for i, k := range maker(t, user) {
			all[fmt.Sprint(name, " ", i)] = k
		}
	}
	check := func(t *testing.T, who string, s *model.Snapshot, watched bool) {
		t.Helper()
		for name, k := range all {
			n := k.in(s)
			if n == nil && k.unseen && !watched {
				continue
			}
			if n == nil {
				t.Errorf("%s: %s: %s does not list %s %d", name, k.why, who, k.typ, k.id)
				continue
			}
			if want := k.reason(t); len(n.Processes) > 0 || !slices.Equal(n.PinnedBy, []string{want}) {
				t.Errorf("%s: %s says %v are in it and it is kept by %q, want %q", name, who, n.Processes, n.PinnedBy, want)
			}
			if n.Parent != k.parent || n.Owner != k.owner && (watched || !k.unreachable || n.Owner != 0) {
				t.Errorf("%s: %s says owner %d, parent %d, want %d, %d", name, who, n.Owner, n.Parent, k.owner, k.parent)
			}
		}
	}
	check(t, "one look", once(t), false)
	// As long as it would take to take them for freed, and longer.
	w.awaitSurveys(t, 4)
	check(t, "a watch", w.Snapshot(), true)
	lived := map[string]int{} // how much is reported of each while it lives
	for name, k := range all {
		reported := w.reported(k.namespace)
		if len(reported) == 0 || reported[len(reported)-1].Type != event.NamespaceCreated {
			t.Errorf("%s: its creation is to be the last that is reported: %+v", name, reported)
		}
		lived[name] = len(reported)
	}
	agree(t, func() *model.Snapshot { return once(t) })
	for _, k := range all {
		if k.release != nil {
			k.release()
		}
	}
	via := map[bool]event.Via{true: event.ViaKernel, false: event.ViaReconcile}[w.endsAreHooked()]
	for name, k := range all {
		w.await(t, name+" to be freed", func() bool { return len(w.reported(k.namespace)) > lived[name] }, nil)
		if e := w.reported(k.namespace)[lived[name]]; e.Type != event.NamespaceFreed || e.Namespace.Via != via {
			t.Errorf("%s: %s via %q, want it to be freed via %q", name, e.Type, e.Namespace.Via, via)
		}
	}
	agree(t, w.Snapshot)
}

// mountOf binds a namespace of a process to a file, until release.
func mountOf(t *testing.T, pid int32, typ event.NamespaceType) (point string, release func()) {
	t.Helper()
	point = filepath.Join(t.TempDir(), "namespace of \x1b a test")
	if err := os.WriteFile(point, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(fmt.Sprintf("/proc/%d/ns/%s", pid, typ), point, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	mounted := true
	release = func() {
		if mounted {
			mounted = false
			if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(release)
	return point, release
}

func byMount(t *testing.T, user uint64) []kept {
	home := start(t, "unshare", "-n", "sh", "-c", own)
	n := of(t, home.number(), event.Net)
	point, release := mountOf(t, home.pid, event.Net)
	home.end()
	return []kept{{namespace: n, owner: user, why: point, release: release}}
}

func byForeignMount(t *testing.T, user uint64) []kept {
	home := start(t, "unshare", "-i", "sh", "-c", own)
	n := of(t, home.number(), event.IPC)
	point := filepath.Join(t.TempDir(), "ipc")
	holder := start(t, "unshare", "-m", "sh", "-c",
		fmt.Sprintf("touch %s && mount -o bind /proc/%d/ns/ipc %s && %s", point, home.pid, point, own))
	holder.line()
	home.end()
	why := point + " in the mount namespace of"
	return []kept{{namespace: n, owner: user, why: why, holder: holder.pid, release: holder.end, unreachable: true}}
}

// byFile has a namespace open that a user namespace owns, which has no process either.
func byFile(t *testing.T, user uint64) []kept {
	home := start(t, "unshare", "-U", "-r", "-u", "sh", "-c", own)
	pid := home.number()
	n, owner := of(t, pid, event.UTS), of(t, pid, event.User)
	holder := start(t, "sh", "-c", fmt.Sprintf("exec 7</proc/%d/ns/uts; %s", pid, own))
	holder.line()
	home.end()
	return []kept{
		{namespace: n, owner: owner.id, why: "an open file in", holder: holder.pid, release: holder.end},
		{namespace: owner, owner: user, parent: user, why: "a namespace that it owns"},
	}
}

// byMountedFile has a namespace open where it was mounted, and is mounted no more: the file has no name.
func byMountedFile(t *testing.T, user uint64) []kept {
	home := start(t, "unshare", "-n", "sh", "-c", own)
	n := of(t, home.number(), event.Net)
	point, unmount := mountOf(t, home.pid, event.Net)
	holder := start(t, "sh", "-c", fmt.Sprintf("exec 7<'%s'; %s", point, own))
	holder.line()
	unmount()
	home.end()
	return []kept{{namespace: n, owner: user, why: "an open file in", holder: holder.pid, release: holder.end}}
}

func byThread(t *testing.T, user uint64) []kept {
	p := startHelper(t, "thread")
	return []kept{{namespace: parse(t, p.line()), owner: user, why: "a thread of", holder: p.pid, release: p.end}}
}

// bySocket has a net namespace that nobody is in any more, but of which a socket is still open.
func bySocket(t *testing.T, user uint64) []kept {
	p := startHelper(t, "socket")
	return []kept{{
		namespace: parse(t, p.line()), owner: user, why: "an open socket in", holder: p.pid, release: p.end, unreachable: true,
	}}
}

func byTime(t *testing.T, user uint64) []kept {
	p := startHelper(t, "time")
	return []kept{{namespace: parse(t, p.line()), owner: user, why: "the next child of", holder: p.pid, release: p.end}}
}

func byPID(t *testing.T, user uint64) []kept {
	p := startHelper(t, "pid")
	parent := of(t, p.pid, event.PID)
	return []kept{{namespace: parse(t, p.line()), owner: user, parent: parent.id, why: "the next child of", holder: p.pid, release: p.end}}
}

// byUnenteredPID has a PID namespace that nothing has entered: only the event of its creation reports it.
func byUnenteredPID(t *testing.T, w *watched, user uint64) []kept {
	p := startHelper(t, "unentered-pid")
	p.line()
	w.await(t, "its creation", func() bool { return w.createdBy(p.pid) > 0 }, nil)
	e := w.all(func(e *event.Event) bool { return e.Type == event.NamespaceCreated && e.PID == p.pid })[0]
	return []kept{{
		namespace: namespace{event.PID, e.Namespace.ID}, owner: user, parent: of(t, p.pid, event.PID).id, why: "the next child of",
		holder: p.pid, release: p.end, unseen: true,
	}}
}

// byChildren has a process three user namespaces down and none in the two between.
func byChildren(t *testing.T, user uint64) []kept {
	p := start(t, "unshare", "-U", "-r", "sh", "-c",
		"readlink /proc/self/ns/user; exec unshare -U -r sh -c 'readlink /proc/self/ns/user; exec unshare -U -r sh -c \"echo in; exec cat\"'")
	outer, inner := parse(t, p.line()), parse(t, p.line())
	p.line()
	return []kept{
		{namespace: outer, owner: user, parent: user, why: "a child namespace", release: p.end},
		{namespace: inner, owner: outer.id, parent: outer.id, why: "a child namespace"},
	}
}

// TestNestedNamespaces has processes in user and PID namespaces three deep. lsns says what is above each.
func TestNestedNamespaces(t *testing.T) {
	w := watch(t)
	level := `unshare -U -r -p -f sh -c '%s'; true` // a shell may become its last command
	script := "read self rest </proc/self/stat; echo $self; "
	var pids []int32
	p := start(t, "sh", "-c", fmt.Sprintf(level, script+strings.ReplaceAll(fmt.Sprintf(level,
		script+strings.ReplaceAll(fmt.Sprintf(level, script+"exec cat"), "'", `'\''`)), "'", `'\''`)))
	for range 3 {
		pids = append(pids, p.number())
	}
	above := int32(os.Getpid())
	for i, pid := range pids {
		for _, typ := range []event.NamespaceType{event.User, event.PID} {
			n, parent, owner := of(t, pid, typ), of(t, above, typ).id, of(t, pid, event.User).id
			if typ == event.User {
				owner = parent
			}
			created := func() []event.Event {
				return w.all(func(e *event.Event) bool {
					return e.Type == event.NamespaceCreated && e.Namespace.Type == typ && e.Namespace.ID == n.id
				})
			}
			w.await(t, "the creation", func() bool { return len(created()) > 0 }, nil)
			e := created()[len(created())-1]
			if e.Namespace.Owner != owner || e.Namespace.Parent != parent || e.Comm != "unshare" {
				t.Errorf("level %d: %+v by %s, want owner %d, parent %d", i, e.Namespace, e.Comm, owner, parent)
			}
			if have := n.in(w.Snapshot()); have == nil || have.Owner != owner || have.Parent != parent ||
				have.Creator == nil || have.Creator.PID != e.PID || !have.Created.Equal(e.Time) {
				t.Errorf("level %d: the snapshot has %+v", i, have)
			}
			if have := n.in(once(t)); have == nil || have.Owner != owner || have.Parent != parent || !slices.Contains(have.Processes, pid) {
				t.Errorf("level %d: one look shows %+v, want owner %d, parent %d", i, have, owner, parent)
			}
		}
		above = pid
	}
	agree(t, func() *model.Snapshot { return once(t) })
	agree(t, w.Snapshot)
}

// TestRootlessNamespaces: an ordinary user makes a user namespace and, owned by it, a net namespace.
func TestRootlessNamespaces(t *testing.T) {
	w := watch(t)
	nobody := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", "unshare", "-U", "-r", "-n"}
	if out, err := exec.Command(nobody[0], append(nobody[1:], "true")...).CombinedOutput(); err != nil {
		t.Fatalf("ordinary users cannot make user namespaces on this host; see the sysctls user.max_user_namespaces, "+
			"kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns: %v: %s", err, out)
	}
	p := start(t, append(nobody, "sh", "-c", own)...)
	p.number()
	host := of(t, int32(os.Getpid()), event.User).id
	user, net := of(t, p.pid, event.User), of(t, p.pid, event.Net)
	for n, want := range map[namespace][2]uint64{user: {host, host}, net: {user.id, 0}} {
		created := func() bool {
			have := n.in(w.Snapshot())
			return have != nil && have.Creator != nil && have.Creator.PID == p.pid
		}
		w.await(t, "the creation", created, nil)
		for who, s := range map[string]*model.Snapshot{"a watch": w.Snapshot(), "one look": once(t)} {
			have := n.in(s)
			if have == nil || have.Owner != want[0] || have.Parent != want[1] {
				t.Errorf("%s of %s: %+v, want owner and parent %v", who, n.typ, have, want)
			}
		}
		have := n.in(w.Snapshot())
		if have.Creator.Comm != "unshare" || have.Via != event.ViaUnshare {
			t.Errorf("%s: made by %+v via %s", n.typ, have.Creator, have.Via)
		}
	}
	agree(t, w.Snapshot)
}

// TestTimeNamespace: the process that unshares it stays where it is, and its child enters it.
func TestTimeNamespace(t *testing.T) {
	w := watch(t)
	p := start(t, "unshare", "-T", "-f", "sh", "-c", own)
	child := p.number()
	n := of(t, child, event.Time)
	if outside := of(t, p.pid, event.Time); outside == n {
		t.Fatalf("both are in %d", n.id)
	}
	entered := func() bool {
		have := n.in(w.Snapshot())
		return have != nil && have.Creator != nil && have.Creator.PID == p.pid && slices.Equal(have.Processes, []int32{child})
	}
	w.await(t, "the child in it", entered, func() string { return fmt.Sprintf("%+v", n.in(w.Snapshot())) })
	if have := n.in(once(t)); have == nil || !slices.Equal(have.Processes, []int32{child}) {
		t.Errorf("one look shows %+v", have)
	}
	agree(t, w.Snapshot)
}

// TestStorm makes 4,000 namespaces, nearly each of which ends when the next is made, so that the kernel
// gives the same numbers out again and again.
func TestStorm(t *testing.T) {
	const calls = 2000
	w := watch(t)
	p := startHelper(t, fmt.Sprint("storm ", calls))
	last := parse(t, p.line())
	w.await(t, "4,000 creations", func() bool { return w.createdBy(p.pid)+int(w.Snapshot().LostCount()) >= 2*calls }, func() string {
		return fmt.Sprintf("%d creations, %d events lost", w.createdBy(p.pid), w.Snapshot().LostCount())
	})
	alive, seen, again := map[uint64]bool{}, map[uint64]bool{}, 0
	for _, e := range w.all(func(e *event.Event) bool { return e.Namespace != nil }) {
		id := e.Namespace.ID
		switch {
		case e.Type == event.NamespaceFreed:
			delete(alive, id)
		case e.Type == event.NamespaceCreated && e.PID == p.pid:
			if alive[id] {
				t.Fatalf("%s %d is made at %v and was not freed before", e.Namespace.Type, id, e.Time)
			}
			if seen[id] {
				again++
			}
			alive[id], seen[id] = true, true
		}
	}
	t.Logf("%d creations, %d events lost; %d numbers, given out again %d times", w.createdBy(p.pid), w.Snapshot().LostCount(), len(seen), again)
	if n := last.in(w.Snapshot()); n == nil || n.Creator == nil || n.Creator.PID != p.pid {
		t.Errorf("the last one is %+v", n)
	}
	agree(t, w.Snapshot)
	agree(t, func() *model.Snapshot { return once(t) })
	p.end()
	w.await(t, "all to be freed", func() bool {
		for _, n := range w.Snapshot().Namespaces {
			if n.Creator != nil && n.Creator.PID == p.pid {
				return false
			}
		}
		return true
	}, nil)
	agree(t, w.Snapshot)
	agree(t, func() *model.Snapshot { return once(t) })
}
