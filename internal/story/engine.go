package story

import (
	"fmt"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Judgement is how an engine's OOMKilled flag compares with what the kernel did.
type Judgement string

// The judgements.
const (
	JudgementUnknown     Judgement = ""
	JudgementRight       Judgement = "right"
	JudgementWrong       Judgement = "wrong"
	JudgementMisleading  Judgement = "misleading"  // it is about a process whose end was not the container's
	JudgementUnconfirmed Judgement = "unconfirmed" // it reports a kill that nsviz does not know
)

// Judge compares the engine's OOMKilled flag with what the kernel did.
func Judge(e model.End) Judgement {
	if e.EngineReport == nil || e.EngineReport.OOMKilled == nil {
		return JudgementUnknown
	}
	says := *e.EngineReport.OOMKilled
	fatal := e.Exit != nil && e.Exit.Cause == event.CauseOOMKill
	switch {
	case fatal && says:
		return JudgementRight
	case fatal:
		return JudgementWrong
	case says && e.OOMKillsAtLeast == 0 && e.OOMKills == nil: // perhaps before nsviz found it
		return JudgementUnknown
	case says && e.OOMKillsAtLeast == 0:
		return JudgementUnconfirmed
	case e.Exit == nil: // perhaps that did end it
		return JudgementUnknown
	case e.OOMKillsAtLeast > 0:
		return JudgementMisleading
	}
	return JudgementRight
}

// engineName returns what the container's engine is called within a sentence.
func engineName(c *model.Container) string {
	if c.Runtime == runtime.Unknown {
		return "its engine"
	}
	return c.Runtime
}

// engineBegins returns what it is called at the beginning of a sentence.
func engineBegins(c *model.Container) string {
	if c.Runtime == runtime.Unknown {
		return "Its engine"
	}
	return c.Runtime
}

// asCommands names the engine's commands for some verbs: ", as `docker kill` and `docker rm --force` do". It returns "" if
// the engine has none of them.
func asCommands(c *model.Container, verbs ...runtime.Verb) string {
	var commands []string
	for _, v := range verbs {
		if command := runtime.Lookup(c.Runtime).Commands[v]; command != "" {
			commands = append(commands, "`"+command+"`")
		}
	}
	switch len(commands) {
	case 0:
		return ""
	case 1:
		return ", as " + commands[0] + " does"
	}
	return ", as " + Listed(commands) + " do"
}

// engine compares the engine's report with what the kernel did.
func (e ending) engine() Text {
	v := e.EngineReport
	if v == nil {
		return nil
	}
	t := text(Plain, engineBegins(e.c))
	if v.OOMKilled == nil {
		if v.Removed {
			return t.add(Plain, " has removed it and reports nothing about its end.")
		}
		return nil
	}
	t = t.add(Plain, " says ")
	if v.ExitCode != nil {
		t = t.add(Plain, fmt.Sprintf("exit code %d and ", *v.ExitCode))
	}
	t = t.add(Strong, fmt.Sprintf("OOMKilled=%t", *v.OOMKilled))
	switch Judge(e.End) {
	case JudgementRight:
		t = t.add(Plain, ", which is right.")
	case JudgementWrong:
		t = t.add(Plain, ", which is ").add(Alert, "wrong").add(Plain, ".")
	case JudgementUnconfirmed:
		t = t.add(Plain, ", but nsviz knows of ").add(Alert, "no OOM kill").add(Plain, " in it.")
	case JudgementMisleading:
		t = t.add(Plain, ", which is ").add(Alert, "misleading").add(Plain, ": the kernel did kill in it, but not its PID 1, so that is not what ended it.")
	default:
		t = t.add(Plain, ".")
	}
	if x := e.Exit; x != nil && x.Code != nil && v.ExitCode != nil && *x.Code != *v.ExitCode {
		t = t.sentence(text(Plain, "The kernel reports ").add(Alert, fmt.Sprintf("exit code %d", *x.Code)).add(Plain, "."))
	}
	return t
}
