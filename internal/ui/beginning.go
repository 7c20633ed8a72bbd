package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/spelling"
	"github.com/nsviz/nsviz/internal/story"
)

// ViewNames returns the names of the views, as ParseView takes them.
func ViewNames() []string {
	names := make([]string, len(views))
	for i := range views {
		names[i] = Tab(i).Name()
	}
	return names
}

// Name returns the title of a view in small letters, without blanks.
func (t Tab) Name() string { return strings.ReplaceAll(strings.ToLower(views[t].title()), " ", "-") }

// ParseView returns the view with a name.
func ParseView(name string) (Tab, error) {
	if i := slices.Index(ViewNames(), name); i >= 0 {
		return Tab(i), nil
	}
	hint := ""
	if near := spelling.Nearest(name, ViewNames()); near != "" {
		hint = "; did you mean " + near + "?"
	}
	return 0, fmt.Errorf("want one of %s%s", strings.Join(ViewNames(), ", "), hint)
}

// OpenNamed returns the State with the page of what a name stands for: in the view of namespaces of one such as net:[4026532182], in that
// of kills of the latest one in a container, elsewhere of a workload.
func (st State) OpenNamed(s *model.Snapshot, name string) (State, error) {
	shown := st.shown(s)
	switch views[st.Tab].filtered() {
	case namespaceRows:
		if id, is := report.ParseNamespaceName(name); is {
			if n := find(shown.Namespaces, func(n *model.Namespace) bool { return n.ID == id.ID && n.Type == id.Type }); n != nil {
				return st.enter(st.Tab, namespaceKey(n)), nil
			}
			return st, fmt.Errorf("there is no namespace %s", id)
		}
		return st, fmt.Errorf("%s is no namespace; want one such as net:[4026532182]", foreign.Prose(name))
	case workloadRows, eventKindRows:
	default:
		return st, fmt.Errorf("the view %s has nothing to open", st.Tab.Name())
	}
	for i := range shown.VMs {
		if v := &shown.VMs[i]; v.Label() == name && st.Tab != Kills {
			return st.enter(Containers, vmKey(v)), nil
		}
	}
	c, err := report.Find(shown, name)
	if err != nil {
		return st, fmt.Errorf("%s", foreign.Prose(err.Error()))
	}
	if st.Tab != Kills {
		return st.enter(Containers, containerKey(c)), nil
	}
	for i := len(shown.Kills) - 1; i >= 0; i-- {
		if in := story.VictimContainer(&shown.Kills[i]); in != nil && in.ID == c.ID {
			return st.enter(Kills, killKey(&shown.Kills[i])), nil
		}
	}
	return st, fmt.Errorf("no OOM kill of %s is known", foreign.Name(c.Label))
}
