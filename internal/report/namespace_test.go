package report

import (
	"errors"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

func TestWhyNamespace(t *testing.T) {
	history := []model.Entry{{Time: at(1), Kind: model.EntryFound}}
	s := &model.Snapshot{
		Namespaces: []model.Namespace{
			{Type: event.Net, ID: 1, Host: true, Processes: []int32{1}},
			{Type: event.Net, ID: 7, Created: at(1), Via: event.ViaClone, Creator: runc(8, web), Owner: 5, Processes: []int32{1, 2}, Containers: []string{"db", "web"}, PinnedBy: []string{"/run/x"}, History: history},
		},
		Freed: []model.Namespace{
			{Type: event.Net, ID: 7, Freed: at(0.5), FreedVia: event.ViaKernel}, {Type: event.UTS, ID: 7, Freed: at(0.4), FreedVia: event.ViaKernel},
			{Type: event.PID, ID: 8, Parent: 3, Freed: at(0.3), FreedVia: event.ViaReconcile},
		},
	}
	for name, want := range map[string]string{
		"net:1": "net:[1] is the host's own. It lives; 1 process is known in it.",
		"net:[7]": "net:[7] was made by runc (PID 8, in web) by clone at " + at(1).UTC().Format("2006-01-02 15:04:05.000 UTC") + ". It lives; 2 processes are known in it, of db and web. " +
			"It is kept by /run/x. Its owner is user:[5]. Before it, 1 other one had the same number.",
		"uts:7": "uts:[7]'s creation was not seen. The kernel freed it at " + at(0.4).UTC().Format("2006-01-02 15:04:05.000 UTC") + ".",
		"pid:8": "pid:[8]'s creation was not seen. It is gone: by " + at(0.3).UTC().Format("2006-01-02 15:04:05.000 UTC") + " it was no longer found, or another one had its number. Its parent is pid:[3].",
	} {
		parsed, ok := ParseNamespaceName(name)
		a, err := WhyNamespace(s, parsed)
		if !ok || err != nil || a.Sentence != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, a.Sentence, want)
		}
	}
	_, err := WhyNamespace(s, story.NamespaceName{Type: event.Net, ID: 9})
	if missing := (*NoNamespaceError)(nil); !errors.As(err, &missing) || err.Error() != "nothing is known of a namespace net:[9]" {
		t.Errorf("%v", err)
	}
}
