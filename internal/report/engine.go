package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
)

// MissingNames says that names are missing since an engine did not give them within a time; "" where none are. That there is no
// engine, or what a user's own one does, matters only where there are containers of it.
func MissingNames(e fact.Engine, s *model.Snapshot, within time.Duration) string {
	why := e.Detail
	nameless := false
	for i := range s.Containers {
		c := &s.Containers[i]
		nameless = nameless || !c.Named && c.Runtime == e.Name
	}
	switch {
	case e.State == fact.EngineConnected, (e.State == fact.EngineAbsent || e.User != 0) && !nameless:
		return ""
	case e.State == fact.EngineConnecting:
		why = fmt.Sprintf("no answer within %v", within)
	}
	name := e.Label(s.Engines)
	if rest, ok := strings.CutPrefix(why, "does not answer "); ok {
		return fmt.Sprintf("%s does not answer %s: names are missing", name, rest)
	}
	return fmt.Sprintf("%s does not answer (%s): names are missing", name, why)
}

func engineText(e fact.Engine) string {
	if e.Detail == "" {
		return string(e.State)
	}
	return string(e.State) + ": " + foreign.Prose(e.Detail)
}
