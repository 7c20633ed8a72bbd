package tour

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// The containers of the tour, by their short names. The subject is the one to look at: web, or one of the user's.
const (
	subject = ""
	web     = "web"
	sidecar = "sidecar"
	agent   = "agent"
	hog     = "hog"
	brief   = "start1"
)

const mib = 1 << 20

// steps returns the tour.
func steps() []step {
	return []step{
		{title: "What the host sees", prepare: ready, text: hostSees, check: hasTwoNumbers, byHand: of(subject, "grep NSpid %s", "status")},
		{title: "What the container sees", text: containerSees, check: namespacesDiffer, byHand: of(subject, "ls -l %s %s", "ns")},
		{title: "Walls that are not there", text: walls, check: wallsAreMissing, byHand: of(sidecar, "readlink %s %s", "ns/net")},
		{title: "The limit", prepare: startHog, text: theLimit, check: limitIsInFile, byHand: func(t *tour) string { return t.catCgroup(hog, t.limitFile()) }},
		{title: "The kill", prepare: awaitKill, text: theKill, check: kernelCounted, byHand: func(t *tour) string { return t.catCgroup(hog, t.killsFile()) }},
		{title: "What the container's log does not say", text: theLog, check: nobodyToldIt, byHand: of(hog, "ls -l %s", "fd/1")},
		{title: "A start, and a boot", prepare: start, text: theStart, show: describeStart, check: startIsKnown, byHand: func(*tour) string { return "sudo nsviz demo start" }},
		{title: "One kernel for all", text: oneKernel, check: sameBoot, byHand: of(subject, "cat %s", "root/proc/"+bootFile)},
	}
}

// of returns a command about a file of a container's PID 1 and, where it has room for two, the same file of a process outside.
func of(what, command, file string) func(*tour) string {
	return func(t *tour) string {
		c, err := t.running(what)
		if err != nil {
			return ""
		}
		if strings.Count(command, "%s") == 2 {
			return fmt.Sprintf(command, t.kernel.path(c.InitPID, file), t.kernel.path(t.kernel.outside(), file))
		}
		return fmt.Sprintf(command, t.kernel.path(c.InitPID, file))
	}
}

func ready(ctx context.Context, t *tour) error {
	return t.awaitRunning(ctx, t.subject(), t.stage.Name(web), t.stage.Name(sidecar), t.stage.Name(agent))
}

func hostSees(t *tour) (string, error) {
	c, err := t.running(subject)
	if err != nil {
		return "", err
	}
	parent, err := t.kernel.status(c.InitPID, "PPid")
	if err != nil {
		return "", err
	}
	comm, err := word(filepath.Join(t.Proc, strings.Join(parent, ""), "comm"))
	if err != nil {
		comm = "a process that is not in this procfs"
	}
	name, err := word(t.kernel.path(c.InitPID, "comm"))
	return fmt.Sprintf(`%s is a container, and a container is ordinary processes of the host. Its first one, %s, is process %d of the host.
Look at its two numbers: the host's %d, by which ps lists it and kill reaches it, and the one that it has inside. Its parent is %s, outside.`,
		c.Label, name, c.InitPID, c.InitPID, comm), err
}

func hasTwoNumbers(t *tour) (string, error) {
	c, err := t.running(subject)
	if err != nil {
		return "", err
	}
	numbers, err := t.kernel.status(c.InitPID, "NSpid")
	if err != nil {
		return "", err
	}
	if len(numbers) < 2 || numbers[0] != strconv.Itoa(int(c.InitPID)) || numbers[len(numbers)-1] != "1" {
		return "", fmt.Errorf("its numbers are %s: it is not PID 1 of a PID namespace of its own", strings.Join(numbers, " "))
	}
	return fmt.Sprintf("its NSpid is %s: one process, %s outside and 1 inside", strings.Join(numbers, " "), numbers[0]), nil
}

// ownNamespaces lists the types of namespaces in which a process is not with the host's PID 1, by the kernel.
func (t *tour) ownNamespaces(pid int32) (own, host []string, err error) {
	outside := t.kernel.outside()
	for _, typ := range event.NamespaceTypes() {
		same, err := t.kernel.sameNamespace(pid, outside, typ)
		switch {
		case errors.Is(err, fs.ErrNotExist) && typ == event.Time: // before Linux 5.6, or without time namespaces
		case err != nil:
			return nil, nil, err
		case same:
			host = append(host, typ.String())
		default:
			own = append(own, typ.String())
		}
	}
	return own, host, nil
}

func containerSees(t *tour) (string, error) {
	c, err := t.running(subject)
	if err != nil {
		return "", err
	}
	own, host, err := t.ownNamespaces(c.InitPID)
	if err != nil {
		return "", err
	}
	mounts, err := t.kernel.lines(c.InitPID, "mountinfo")
	if err != nil {
		return "", err
	}
	interfaces, err := t.kernel.interfaces(c.InitPID)
	if err != nil {
		return "", err
	}
	hosts, err := t.kernel.interfaces(t.kernel.outside())
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`Its namespaces decide what it sees, one for each kind of thing. Its own walls are these: %s. In these it is in the host's, where there is no wall: %s.
It sees %s. Its network interfaces are %s; the host has %s.`,
		listed(own), listed(host), story.Count(uint64(mounts), "mount", "mounts"), //nolint:gosec // a count
		listed(interfaces), listed(hosts)), nil
}

func listed(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return story.Listed(words)
}

func namespacesDiffer(t *tour) (string, error) {
	c, err := t.running(subject)
	if err != nil {
		return "", err
	}
	own, _, err := t.ownNamespaces(c.InitPID)
	if err != nil {
		return "", err
	}
	var shown []string
	for _, typ := range event.NamespaceTypes() {
		if r := c.Namespaces[typ].Relation; r == model.RelationOwn || r == model.RelationShared {
			shown = append(shown, typ.String())
		}
	}
	if !slices.Equal(own, shown) {
		return "", fmt.Errorf("by /proc its %s are not the host's, and nsviz has %s", listed(own), listed(shown))
	}
	if len(own) == 0 {
		return "", errors.New("it has no namespace of its own")
	}
	return fmt.Sprintf("the links in %s and %s differ for %s, and nsviz has the same", t.kernel.path(c.InitPID, "ns"), t.kernel.path(t.kernel.outside(), "ns"), story.Listed(own)), nil
}

// sharers returns the container that shares its net namespace with another one, the one that uses the host's, and that other one.
func (t *tour) sharers() (side, hosts, other *model.Container, err error) {
	for _, find := range []struct {
		to   **model.Container
		name string
	}{{&side, sidecar}, {&hosts, agent}, {&other, web}} {
		if *find.to, err = t.running(find.name); err != nil {
			return nil, nil, nil, err
		}
	}
	return side, hosts, other, nil
}

func walls(t *tour) (string, error) {
	s, a, of, err := t.sharers()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`A wall stands only where a namespace is. %s was put into the net namespace of %s, as the containers of a Kubernetes pod are: both have one loopback, and reach each other at 127.0.0.1.
%s was left in the host's PID and net namespaces: it sees every process of the host, and has all of its interfaces. In the table of nsviz a shared namespace is a letter that both rows show, and the host's is a ○.`,
		s.Label, of.Label, a.Label), nil
}

func wallsAreMissing(t *tour) (string, error) {
	s, a, of, err := t.sharers()
	if err != nil {
		return "", err
	}
	outside := t.kernel.outside()
	for _, pair := range []struct {
		a, b int32
		typ  event.NamespaceType
		want bool
	}{
		{s.InitPID, of.InitPID, event.Net, true}, {s.InitPID, of.InitPID, event.PID, false},
		{a.InitPID, outside, event.Net, true}, {a.InitPID, outside, event.PID, true}, {a.InitPID, outside, event.Mnt, false},
	} {
		same, err := t.kernel.sameNamespace(pair.a, pair.b, pair.typ)
		if err != nil {
			return "", err
		}
		if same != pair.want {
			return "", fmt.Errorf("%s and %s are in the same %s namespace: %v", t.kernel.path(pair.a, "ns"), t.kernel.path(pair.b, "ns"), pair.typ, same)
		}
	}
	if r := s.Namespaces[event.Net].Relation; r != model.RelationShared {
		return "", fmt.Errorf("to nsviz the net namespace of %s is %s", s.Label, r)
	}
	link, err := t.kernel.namespace(s.InitPID, event.Net)
	return fmt.Sprintf("%s and %s are both in %s, each in a PID namespace of its own; %s is in the host's", s.Label, of.Label, link, a.Label), err
}

func startHog(ctx context.Context, t *tour) error {
	if err := t.stage.Start(ctx, demo.Spec{Name: hog, Role: demo.Hog, MemoryBytes: 64 * mib}); err != nil {
		return err
	}
	return t.awaitRunning(ctx, t.stage.Name(hog))
}

func (t *tour) limitFile() string {
	if t.Unified {
		return "memory.max"
	}
	return "memory.limit_in_bytes"
}

// killsFile is the file in which the kernel counts OOM kills, as oom_kill.
func (t *tour) killsFile() string {
	if t.Unified {
		return "memory.events"
	}
	return "memory.oom_control"
}

// cgroupFile returns the path of a file of a container's cgroup.
func (t *tour) cgroupFile(c *model.Container, name string) string {
	return filepath.Join(t.Cgroups, c.CgroupPath, name)
}

func (t *tour) catCgroup(what, file string) string {
	c, err := t.running(what)
	if err != nil {
		return ""
	}
	return "cat " + t.cgroupFile(c, file)
}

func theLimit(t *tour) (string, error) {
	c, err := t.running(hog)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`Namespaces hide; they limit nothing. What a container may use is decided by its cgroup, a folder of files that the kernel makes. %s takes one MiB of memory after another, and may have 64 MiB.
Look at the number in the file: that is the limit, all of it, and docker update writes another one there.`, c.Label), nil
}

func limitIsInFile(t *tour) (string, error) {
	c, err := t.running(hog)
	if err != nil {
		return "", err
	}
	limit, err := number(t.cgroupFile(c, t.limitFile()), "")
	if err != nil {
		return "", err
	}
	members, err := os.ReadFile(t.cgroupFile(c, "cgroup.procs"))
	if err != nil {
		return "", err
	}
	switch {
	case limit != 64*mib:
		return "", fmt.Errorf("%s holds %d", t.limitFile(), limit)
	case !slices.Contains(strings.Fields(string(members)), strconv.Itoa(int(c.InitPID))):
		return "", fmt.Errorf("process %d is not in that cgroup, so that the limit does not hold it", c.InitPID)
	}
	return fmt.Sprintf("%s holds %d, and process %d is in cgroup.procs beside it", t.limitFile(), limit, c.InitPID), nil
}

// awaitKill waits for the first OOM kill in the hog.
func awaitKill(ctx context.Context, t *tour) error {
	c, err := t.running(hog)
	if err != nil {
		return err
	}
	t.counter = t.cgroupFile(c, t.killsFile())
	t.log, _ = os.Readlink(t.kernel.path(c.InitPID, "fd/1")) // it says if it is unknown
	known := func() bool {
		s := t.Watch.Snapshot()
		for i := range s.Kills {
			if of := story.VictimContainer(&s.Kills[i]); of != nil && of.ID == c.ID {
				t.kill = &s.Kills[i]
				return true
			}
		}
		return false
	}
	gone := false
	t.await(ctx, func() bool {
		gone = t.find(c.Label) == nil
		return known() || gone
	})
	switch {
	case t.kill != nil:
	case gone:
		return errGone(c.Label)
	default:
		return fmt.Errorf("the kernel has killed nothing in %s within %v", c.Label, t.Patience)
	}
	return nil
}

func theKill(t *tour) (string, error) {
	if t.kill == nil {
		return "", errors.New("there was no kill to look at")
	}
	return "At the limit the kernel gives back what it can: files that it can read again. Then it kills, and chooses the process that takes the most, in that container alone; the others do not notice.\n" +
		story.Kill(t.kill, t.Watch.Snapshot()).String(), nil
}

func kernelCounted(t *tour) (string, error) {
	if t.kill == nil {
		return "", errors.New("there was no kill to look at")
	}
	kills, err := number(t.counter, "oom_kill")
	if err != nil {
		return "", err
	}
	if kills == 0 {
		return "", fmt.Errorf("%s counts no kill", t.counter)
	}
	c, err := t.running(hog)
	if err != nil {
		return "", err
	}
	if victim := story.VictimPID(t.kill); victim == c.InitPID {
		return "", fmt.Errorf("the victim was PID 1, process %d", victim)
	}
	return fmt.Sprintf("%s has oom_kill %d, and PID 1, process %d, lives on", t.killsFile(), kills, c.InitPID), nil
}

func theLog(t *tour) (string, error) {
	c, err := t.running(hog)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`docker logs shows what processes of a container write to their stdout and stderr. That of %s is %s. The kernel writes nothing there: it notes a kill in its own log and in the cgroup's counter, both outside.
The victim writes nothing either. SIGKILL cannot be caught, so it has no time for a last word. PID 1 may notice that a child is gone, and write that; it cannot know why. If PID 1 is the victim, its engine gets exit code 137, which any SIGKILL gives.`,
		c.Label, cmp.Or(t.log, "unknown")), nil
}

// nobodyToldIt checks that no process of the hog can react to SIGKILL, and that its output goes to no log of the kernel.
func nobodyToldIt(t *tour) (string, error) {
	c, err := t.running(hog)
	if err != nil {
		return "", err
	}
	for _, field := range []string{"SigCgt", "SigIgn", "SigBlk"} {
		mask, err := t.kernel.mask(c.InitPID, field)
		if err != nil {
			return "", err
		}
		if mask&(1<<(unix.SIGKILL-1)) != 0 {
			return "", fmt.Errorf("%s has SIGKILL", field)
		}
	}
	log, err := os.Readlink(t.kernel.path(c.InitPID, "fd/1"))
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(log, "/kmsg") {
		return "", fmt.Errorf("its stdout is %s, the kernel's log", log)
	}
	return fmt.Sprintf("stdout of process %d is %s, and its masks of signals (SigCgt, SigIgn, SigBlk) lack SIGKILL", c.InitPID, log), nil
}

func theStart(*tour) (string, error) {
	return "To start a container the kernel makes namespaces and a cgroup, and executes a program. No kernel boots, since one runs already. Look at where the time goes, and at the boot of a virtual machine with the same program.", nil
}

func start(ctx context.Context, t *tour) error {
	return t.stage.Start(ctx, demo.Spec{Name: brief, Role: demo.Brief})
}

func describeStart(ctx context.Context, t *tour) error {
	if err := t.lesson.Started(ctx, t.stage.Name(brief)); err != nil {
		return err
	}
	return t.print("\n")
}

func startIsKnown(t *tour) (string, error) {
	l := t.lesson.Learned()
	switch {
	case l.Start == 0:
		return "", errors.New("nsviz has not seen the start")
	case l.NoBoot != "":
		return fmt.Sprintf("the program ran after %s. There is no virtual machine to compare with: %s", story.Millis(l.Start), l.NoBoot), nil
	case l.Boot <= l.Start:
		return "", fmt.Errorf("the virtual machine booted in %s, and the container needed %s", story.Millis(l.Boot), story.Millis(l.Start))
	}
	return fmt.Sprintf("the container's program ran after %s, the virtual machine's after %s", story.Millis(l.Start), story.Millis(l.Boot)), nil
}

// release returns the release of the host's kernel.
func (t *tour) release() (string, error) { return word(filepath.Join(t.Proc, "sys/kernel/osrelease")) }

// modules says what happens if a process loads a kernel module.
func (t *tour) modules(c *model.Container) (string, error) {
	switch _, err := os.Stat(filepath.Join(t.Proc, "modules")); {
	case errors.Is(err, fs.ErrNotExist):
		return "This kernel is built without modules, so nobody can load any: neither the host nor a container.", nil
	case err != nil:
		return "", err
	}
	rights, err := t.kernel.mask(c.InitPID, "CapEff")
	if err != nil {
		return "", err
	}
	if rights&(1<<unix.CAP_SYS_MODULE) == 0 {
		return fmt.Sprintf("%s lacks the right for it (CAP_SYS_MODULE), so that the kernel refuses. With it, the module would be in the host's kernel, and work for everybody.", c.Label), nil
	}
	switch same, err := t.kernel.sameNamespace(c.InitPID, t.kernel.outside(), event.User); {
	case err != nil:
		return "", err
	case !same:
		return fmt.Sprintf("%s has the right for it (CAP_SYS_MODULE) in a user namespace of its own alone, where it counts for nothing: the kernel refuses.", c.Label), nil
	}
	return fmt.Sprintf("%s has the right for it (CAP_SYS_MODULE): a module that it loads is in the host's kernel, and works for everybody.", c.Label), nil
}

func oneKernel(t *tour) (string, error) {
	c, err := t.running(subject)
	if err != nil {
		return "", err
	}
	release, err := t.release()
	if err != nil {
		return "", err
	}
	modules, err := t.modules(c)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`There is no namespace for the kernel itself. All containers and the host run on one, Linux %s here: they share its memory, its bugs and its modules. Look at the number of its boot, inside and outside.
A kernel module? %s A virtual machine has a kernel of its own, and loads modules into that one. So a program that needs its own module needs a virtual machine.`,
		release, modules), nil
}

func sameBoot(t *tour) (string, error) {
	c, err := t.running(subject)
	if err != nil {
		return "", err
	}
	outside, err := word(filepath.Join(t.Proc, bootFile))
	if err != nil {
		return "", err
	}
	inside, err := t.kernel.bootInside(c.InitPID)
	if err != nil {
		return "", err
	}
	if inside != outside {
		return "", fmt.Errorf("the boot is %s inside and %s outside", inside, outside)
	}
	return "boot " + inside + ", inside and outside", nil
}
