package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
)

// MissingNames says that names are missing, or come from elsewhere, since an engine did not give them within a time; "" is that it did.
// That there is no engine, or what a user's own one does, matters only where there are containers of it without a name.
func MissingNames(e fact.Engine, s *model.Snapshot, within time.Duration) string {
	named, nameless := false, false
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Runtime == e.Name {
			named, nameless = named || c.Named, nameless || !c.Named
		}
	}
	why, so := e.Detail, "names are missing"
	if named && !nameless {
		so = "names come from its files"
	}
	switch {
	case e.State == fact.EngineConnected, (e.State == fact.EngineAbsent || e.User != 0) && !nameless:
		return ""
	case e.State == fact.EngineConnecting:
		why = fmt.Sprintf("no answer within %v", within)
	}
	name := e.Label(s.Engines)
	if rest, ok := strings.CutPrefix(why, "does not answer "); ok {
		return fmt.Sprintf("%s does not answer %s: %s", name, rest, so)
	}
	return fmt.Sprintf("%s does not answer (%s): %s", name, why, so)
}

func engineText(e fact.Engine) string {
	if e.Detail == "" {
		return string(e.State)
	}
	return string(e.State) + ": " + foreign.Prose(e.Detail)
}
