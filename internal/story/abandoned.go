package story

import (
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Abandoned describes the namespaces of a container that were made for another one, which has left them. It returns nil if
// there are none.
func Abandoned(c *model.Container) Text {
	var t Text
	for _, typ := range event.NamespaceTypes() {
		a := c.Namespaces[typ].Abandoned
		if a == nil {
			continue
		}
		what := text(Plain, "Its "+typ.String()+" namespace is ")
		switch typ {
		case event.Net:
			what = text(Plain, "Its network is ")
		case event.IPC:
			what = text(Plain, "Its shared memory is ")
		}
		t = t.sentence(what.add(Alert, "a dead one").add(Plain, ": ").join(departure(a)).add(Plain, "; ").join(cure(a, c.Label)).add(Plain, "."))
	}
	return t
}

// departure describes how the container that a namespace was made for left it.
func departure(a *model.Abandoned) Text {
	t := text(Name, a.By)
	switch {
	case a.Ended && a.Since.IsZero():
		return t.add(Plain, ", which it was made for, has ended")
	case a.Ended:
		return t.add(Plain, ", which it was made for, ended at ").at(a.Since, fullTime)
	case a.Since.IsZero():
		return t.add(Plain, ", which it was made for, has got a new one")
	}
	return t.add(Plain, " got a new one at ").at(a.Since, fullTime)
}

// cure says how to bring a container together again with the one that its namespace was made for.
func cure(a *model.Abandoned, label string) Text {
	if a.Ended {
		return text(Plain, "start ").add(Name, a.By).add(Plain, ", then restart ").add(Name, label)
	}
	return text(Plain, "restart ").add(Name, label)
}
