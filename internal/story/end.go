package story

import (
	"fmt"
	"syscall"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Container describes how a container ended and who ended it or, of a live one, what was killed in it and how its run before
// this one ended, how often it was started again and what it was called before.
func Container(c *model.Container, s *model.Snapshot) Text {
	return container(c, s).sentence(Restarts(c)).sentence(formerNames(c))
}

func container(c *model.Container, s *model.Snapshot) Text {
	switch {
	case c.State == model.Created:
		return neverStarted(c)
	case !c.Live():
		e := ending{c, c.End(), s}
		t := e.text()
		if e.startFailed() && c.Previous != nil {
			t = t.sentence(text(Plain, "Of its run before that: ")).join(ending{c, *c.Previous, s}.text())
		}
		return t
	}
	state, since := "runs", "since it started"
	if c.State == model.Starting {
		state, since = "is starting", "so far"
	}
	t := text(Name, c.Label).add(Plain, " "+state+".")
	if c.State == model.Paused {
		t = text(Name, c.Label).add(Plain, " is ").add(Strong, "paused").add(Plain, ".").sentence(paused(c))
	}
	t = t.sentence(held(c, s)).sentence(stuck(c)).sentence(Abandoned(c))
	switch n := c.OOMKillsAtLeast; {
	case c.OOMKills == nil && n == 0:
		t = t.sentence(text(Plain, "The kernel's OOM killer has killed nothing in it since nsviz found it; what it killed before is unknown."))
	case n == 0:
		t = t.sentence(text(Plain, "The kernel's OOM killer has killed nothing in it "+since+"."))
	case c.LatestKill == nil:
		t = t.sentence(text(Plain, "The kernel's OOM killer has killed ").add(Strong, atLeast(c.OOMKills, n)).
			add(Plain, " in it "+since+", of which nsviz saw none."))
	default:
		t = t.sentence(text(Plain, "The kernel's OOM killer has killed ").add(Strong, atLeast(c.OOMKills, n)).
			add(Plain, " in it "+since+ofWhich(n)).join(victim(c.LatestKill)).add(Plain, "."))
		t = t.sentence(killWhy(c.LatestKill, c.LatestKill.Event.OOM, c))
	}
	t = t.sentence(refused(c.PIDsRefused, c.Limits.PIDs))
	if c.Previous != nil {
		t = t.sentence(text(Plain, "Of its run before this one: ")).join(ending{c, *c.Previous, s}.text())
	}
	return t
}

// ending words the end of a run of a container.
type ending struct {
	c *model.Container
	model.End
	s *model.Snapshot
}

func (e ending) text() Text {
	t := e.how().sentence(e.before()).sentence(e.kills()).sentence(refused(e.PIDsRefused, e.PIDsLimit))
	if !e.c.Live() {
		t = t.sentence(held(e.c, e.s))
	}
	return t.sentence(e.engine())
}

// name begins a sentence.
func (e ending) name() Text { return text(Name, e.c.Label) }

func (e ending) sender() Sender {
	if e.Exit == nil {
		return SenderUnknown
	}
	return SenderOf(e.Exit.By, e.c.ID)
}

// how says what ended it, and who.
func (e ending) how() Text {
	x := e.Exit
	switch {
	case e.startFailed():
		return e.name().add(Plain, " was ").add(Strong, "not started again").add(Plain, ": ").join(failedStart(e.c, e.EngineReport.StartError, e.EngineReport.ExitCode))
	case x == nil:
		return e.name().add(Plain, " has ended; how is unknown, since nsviz did not see its PID 1 die.")
	case e.NeverRan:
		return e.neverRan()
	case x.Cause == event.CauseOOMKill:
		return e.byOOMKiller()
	case x.Signal != 0 || x.Cause == event.CauseSignal:
		return e.bySignal()
	case x.Code == nil:
		return e.name().add(Plain, " ended by itself; its exit code is unknown.")
	}
	t := e.name().add(Plain, " ended by itself with ").add(Strong, fmt.Sprintf("exit code %d", *x.Code)).add(Plain, ".")
	if signal := *x.Code - 128; signal >= 1 && signal <= 64 {
		t = t.sentence(text(Plain, "No signal ended its PID 1"+initFacts(e.InitPID, e.InitComm)+": it chose that code itself, as a shell does whose last command was ended by "+
			signalName(signal)+"."))
	}
	return t
}

// startFailed reports whether it is a failed start rather than the end of a run.
func (e ending) startFailed() bool {
	return e.Exit == nil && e.EngineReport != nil && e.EngineReport.StartError != ""
}

func (e ending) fatal() *model.Kill { return FatalKill(e.End) }

// FatalKill returns the OOM kill that ended a run of a container; nil if none did or nsviz does not know it.
func FatalKill(e model.End) *model.Kill {
	k := e.LatestKill
	if e.Exit == nil || e.Exit.Cause != event.CauseOOMKill || k == nil || k.Event.OOM == nil {
		return nil
	}
	if v := k.Event.OOM.Victim; e.NeverRan || v.Init || v.PID != 0 && v.PID == e.InitPID {
		return k
	}
	return nil
}

// neverRan describes a start that the OOM killer ended.
func (e ending) neverRan() Text {
	t := e.name().add(Plain, " ").add(Strong, "never ran its program").add(Plain, ": its start was ").add(Strong, "OOM-killed")
	k := e.fatal()
	if k == nil {
		return t.add(Plain, ".")
	}
	o := k.Event.OOM
	if o.Cgroup != "" && o.LimitBytes != nil {
		whose := text(Plain, ", limit of ").add(Number, ShortPath(o.Cgroup))
		if PlaceOfLimit(k, o, e.c) == LimitOwn {
			whose = text(Plain, ", its own limit")
		}
		t = t.join(whose).add(Plain, " "+Bytes(*o.LimitBytes))
	}
	t = t.add(Plain, ".").sentence(text(Plain, "The kernel killed ").join(victim(k)).add(Plain, ", a process of its runtime."))
	return t.sentence(killWhy(k, o, e.c))
}

func (e ending) byOOMKiller() Text {
	t := text(Plain, "The ").add(Strong, "kernel's OOM killer").add(Plain, " ended ").join(e.name()).add(Plain, ": it killed its PID 1")
	k := e.fatal()
	if k == nil {
		return t.add(Plain, initFacts(e.InitPID, e.InitComm)+". Whose memory had run out is not known.")
	}
	t = t.add(Plain, ", ").join(victim(k)).add(Plain, ".")
	o := k.Event.OOM
	t = t.sentence(killWhy(k, o, e.c))
	if o.UsageBytes != nil && o.LimitBytes != nil {
		t = t.sentence(text(Plain, "At that moment "+BytesOf(*o.UsageBytes, " of ", *o.LimitBytes)+" were in use."))
	}
	return t.sentence(inGroup(k, e.s))
}

// isFault reports whether the kernel sends a signal for a fault of the program itself.
func isFault(signal syscall.Signal) bool {
	switch signal {
	case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP, syscall.SIGSYS:
		return true
	}
	return false
}

func (e ending) bySignal() Text {
	x := e.Exit
	if x.Signal == 0 {
		return e.name().add(Plain, " was ended by a signal; which one and by whom is unknown.")
	}
	signal := signalName(x.Signal)
	sent := func(t Text) Text { return t.join(process(x.By)).add(Plain, " sent ").add(Strong, signal) }
	if first := x.PIDNamespaceEnded; first != nil {
		return e.name().add(Plain, " was ended by ").add(Strong, signal).add(Plain, ": ").join(namespaceEnd(first)).add(Plain, ".")
	}
	was := e.name().add(Plain, " was ended by ")
	const notTheKernel = " It was not the kernel's OOM killer."
	switch e.sender() {
	case SenderUnknown:
		if isFault(syscall.Signal(x.Signal)) {
			return was.add(Strong, signal).add(Plain, ", which the kernel sends to a program for a fault of its own.")
		}
		return was.add(Strong, signal).add(Plain, "; who sent it is unknown.")
	case SenderInside:
		if x.By.PID != 0 && x.By.PID == e.InitPID {
			return sent(e.name().add(Plain, " ended itself: its PID 1, ")).add(Plain, ", to itself.")
		}
		return sent(was.add(Strong, "a process of its own").add(Plain, ": ")).add(Plain, " to its PID 1.")
	case SenderContainer:
		return sent(was.add(Plain, "a process of ").add(Strong, "another container").add(Plain, ", ").add(Name, x.By.Container.Label()).add(Plain, ": ")).
			add(Plain, ".")
	case SenderEngine:
		return e.byEngine(sent(was.add(Strong, "its engine").add(Plain, ": ")))
	case SenderKubelet:
		return sent(was.add(Strong, "the kubelet").add(Plain, ", as it does with pods that it evicts: ")).add(Plain, "."+notTheKernel)
	case SenderSystemdOOMD:
		return sent(was.add(Strong, "systemd-oomd").add(Plain, ", which ends whole cgroups when memory is short: ")).
			add(Plain, "."+notTheKernel)
	case SenderEarlyOOM:
		return sent(was.add(Strong, "earlyoom").add(Plain, ", which kills before memory runs out: ")).add(Plain, "."+notTheKernel)
	case SenderUnattributed:
		return sent(was.add(Strong, "a process").add(Plain, " in "+UnknownPlace+": ")).add(Plain, ".")
	case SenderSystemd:
		return sent(was.add(Strong, "systemd").add(Plain, ", as it does when the unit of a container is stopped: ")).add(Plain, ".")
	}
	return sent(was.add(Strong, "a process of the host").add(Plain, ": ")).add(Plain, ".")
}

// namespaceEnd describes the end of a PID namespace; first was its PID 1.
func namespaceEnd(first *event.Process) Text {
	whose := text(Plain, "the ").add(Strong, "PID namespace").add(Plain, " that it was in")
	if first.Container != nil {
		whose = text(Name, first.Container.Label()).add(Plain, "'s ").add(Strong, "PID namespace")
	}
	return whose.add(Plain, " ended with its first process, ").join(process(first)).add(Plain, ", so the kernel killed everything in it")
}

// byEngine adds which command of the engine sends the signal.
func (e ending) byEngine(t Text) Text {
	earlier := e.Exit.EarlierSignal
	switch {
	case syscall.Signal(e.Exit.Signal) != syscall.SIGKILL:
		return t.add(Plain, stopsFirst(e.c)+".")
	case e.stopped():
		t = t.add(Plain, fmt.Sprintf(" %s after %s, which had not ended it", duration(e.Time.Sub(earlier.Time)), signalName(earlier.Signal)))
		if stop := runtime.Lookup(e.c.Runtime).Commands[runtime.Stop]; stop != "" {
			t = t.add(Plain, ": that is the second step of `"+stop+"`")
		}
		return t.add(Plain, ".")
	}
	return t.add(Plain, " without asking before"+asCommands(e.c, runtime.Kill, runtime.Remove)+".")
}

// stopsFirst names the command by which an engine asks before it kills; "" if it has none.
func stopsFirst(c *model.Container) string {
	if as := asCommands(c, runtime.Stop); as != "" {
		return as + " first"
	}
	return ""
}

// signalWindow is how long before an end a signal may be its cause: grace periods are a matter of minutes.
const signalWindow = time.Hour

// earlier returns an earlier signal that did not end it; nil if there was none in signalWindow.
func (e ending) earlier() *event.SentSignal {
	if e.Exit == nil || e.Exit.EarlierSignal == nil {
		return nil
	}
	past := e.Time.Sub(e.Exit.EarlierSignal.Time)
	if e.Time.IsZero() || past < 0 || past > signalWindow {
		return nil
	}
	return e.Exit.EarlierSignal
}

// stopped reports whether the engine had asked before it killed.
func (e ending) stopped() bool {
	s := e.earlier()
	return s != nil && e.sender() == SenderEngine && SenderOf(s.By, e.c.ID) == SenderEngine &&
		syscall.Signal(s.Signal) != syscall.SIGKILL
}

// before describes the earlier signal unless how has done so.
func (e ending) before() Text {
	s := e.earlier()
	if s == nil || s.By == nil || e.stopped() || e.Exit.Cause == event.CauseOOMKill {
		return nil
	}
	t := text(Plain, duration(e.Time.Sub(s.Time))+" before, ").join(process(s.By)).add(Plain, " had sent it ").add(Strong, signalName(s.Signal))
	if SenderOf(s.By, e.c.ID) == SenderEngine {
		t = t.add(Plain, stopsFirst(e.c))
	}
	return t.add(Plain, ".")
}

// kills describes what else the OOM killer did in it.
func (e ending) kills() Text {
	n := e.OOMKillsAtLeast
	if e.Exit != nil && e.Exit.Cause == event.CauseOOMKill {
		if n < 2 {
			return nil
		}
		others := Count(n-1, "other process", "other processes")
		if e.OOMKills == nil {
			others = "at least " + others
		}
		return text(Plain, "It had killed ").add(Strong, others).add(Plain, " in it as well.")
	}
	if n == 0 {
		return nil
	}
	t := text(Plain, "While it ran, the kernel's OOM killer killed ").add(Strong, atLeast(e.OOMKills, n)).add(Plain, " in it")
	if k := e.LatestKill; k != nil {
		t = t.add(Plain, ofWhich(n)).join(victim(k)).add(Plain, ".").sentence(killWhy(k, k.Event.OOM, e.c))
	} else {
		t = t.add(Plain, ", of which nsviz saw none.")
	}
	if e.Exit != nil && e.Exit.Code != nil && *e.Exit.Code == 0 {
		t = t.sentence(text(Plain, "Its exit code shows nothing of that."))
	}
	return t
}

// atLeast words how many processes were killed: all or, if that is nil, at least n.
func atLeast(all *uint64, n uint64) string {
	words := Count(n, "process", "processes")
	if all == nil {
		return "at least " + words
	}
	return words
}

// ofWhich introduces the one of n kills that is described next.
func ofWhich(n uint64) string {
	if n == 1 {
		return ": "
	}
	return ", the latest of them "
}
