//go:build root

package probes

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

// entered: the program that a process runs in namespaces which it has joined is reported once, with its command line and its user,
// whether nsenter becomes it or makes a child for it. Whoever is in namespaces that were made for it has entered none.
func entered(t *testing.T, w *watch) {
	asUser := []string{"setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"}
	entries := func(e event.Event) bool { return e.Type == event.ContainerEntered }
	for name, test := range map[string]struct {
		as           []string
		session      bool // in a new cgroup
		into, enters string
		below        bool
		uid          uint32
	}{
		"becomes it":         {into: "-m -u -p", enters: "-m -u"},
		"in a new session":   {into: "-m -u -p", enters: "-m -u", session: true},
		"makes a child":      {into: "-m -u -p", enters: "-m -u -p", below: true},
		"in the pid ns only": {into: "-p -u", enters: "-p -u", below: true},
		"unprivileged":       {as: asUser, into: "-U -r -m -p", enters: "-U -m -p --preserve-credentials", below: true, uid: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			command := func(tool, options string, more ...string) *exec.Cmd {
				args := append(append(append([]string{}, test.as...), tool), strings.Fields(options)...)
				args = append(args, more...)
				return exec.Command(args[0], args[1:]...)
			}
			w.catchUp()
			before := len(w.seen(entries))
			home := start(t, command("unshare", test.into+" -f", "sh", "-c", "sh -c true; read self rest </proc/self/stat; echo $self; read end"))
			target := home.line()
			enter := command("nsenter", "-t "+target+" "+test.enters, "sh", "-c", "exec sh -c 'sh -c true; echo in; read end'")
			if test.session {
				// By its path: busybox has one of its own.
				enter.Args = append([]string{"sh", "-c", `read go; exec "$@"`, "sh", enter.Path}, enter.Args[1:]...)
				enter.Path = "/bin/sh"
			}
			p := start(t, enter)
			if test.session {
				makeCgroup(t, "session").add(p)
				p.release()
			}
			p.line()
			var want event.NamespaceIDs
			for _, kind := range event.NamespaceTypes() {
				want[kind] = namespaceID(t, target, kind.String())
			}
			which := event.Mnt
			if !strings.Contains(test.enters, flags()[which]) {
				which = event.PID
			}
			inside := want[which]
			in := func(e event.Event) bool { return entries(e) && (e.PID == p.pid || e.Entered.By.PID == p.pid) }
			e := w.await("entries", 1, in)[0]
			got := new(*e.Entered)
			got.By = new(*got.By)
			for t := range got.Namespaces {
				if !strings.Contains(test.enters, flags()[event.NamespaceType(t)]) {
					got.Namespaces[t], want[t] = 0, 0
				}
			}
			got.By.CgroupID = 0
			by := &event.Process{PID: int32(os.Getpid()), Comm: got.By.Comm, UID: new(uint32(0))}
			if test.below {
				by = &event.Process{PID: p.pid, Comm: "nsenter", UID: new(test.uid)}
			}
			if diff := cmp.Diff(&event.Entered{
				CommandLine: "sh -c exec sh -c 'sh -c true; echo in; read end'", Namespaces: want, By: by, Below: test.below,
			}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if e.Comm != "sh" || e.UID == nil || *e.UID != test.uid || !test.below && e.PID != p.pid {
				t.Errorf("%+v", e)
			}
			for _, p := range []*process{p, home} {
				p.release()
				p.wait()
			}
			w.catchUp()
			all := w.seen(entries)[before:]
			all = slices.DeleteFunc(all, func(e event.Event) bool { return e.Entered.Namespaces[which] != inside })
			if len(all) != 1 {
				t.Errorf("%d entries, want one: %+v", len(all), all)
			}
		})
	}
}
