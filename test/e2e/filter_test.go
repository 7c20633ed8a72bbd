//go:build e2e

package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// --filter of ps, ns and events chooses among real workloads: what it leaves is what is so among all that there is.
func TestFilters(t *testing.T) {
	const own, hosts, left = "nsviz-test-filter-own", "nsviz-test-filter-hosts", "nsviz-test-filter"
	all, text := startEvents(t), newLines()
	some := startEvents(t, "--filter", "container="+left, "--filter", "type=container_started || took>0ms && ns=net")
	start(t, text, "events", "--filter", "type=container_started && "+hosts).stderr.await(t, "watching")
	run(t, own, "--memory=64m", busyboxImage, "sh", "-c", waits)
	run(t, hosts, "--network=host", busyboxImage, "sh", "-c", waits)

	for _, name := range []string{own, hosts} {
		all.await(t, 1, of(event.ContainerStarted, name))
		some.await(t, 1, of(event.ContainerStarted, name))
	}
	accepted := func(e *event.Event) bool {
		return e.Lost != nil || strings.Contains(e.Subject().Label(), left) &&
			(e.Type == event.ContainerStarted || e.Namespace != nil && e.Namespace.Type == event.Net && e.Namespace.TookMS != nil && *e.Namespace.TookMS > 0)
	}
	if wrong := some.all(func(e *event.Event) bool { return !accepted(e) }); len(wrong) > 0 {
		t.Errorf("%d events are not as the filter says, such as %+v", len(wrong), wrong[0])
	}
	text.await(t, hosts)
	if said := text.String(); strings.Contains(said, own) || strings.Count(said, "\n") != 1 {
		t.Errorf("want one line, of the start of %s, not\n%s", hosts, said)
	}

	for filter, want := range map[string][]string{
		"name=" + left: {hosts, own}, left + " && net=host": {hosts}, "net!=host && name~^" + left: {own}, "limit=64MiB && name=" + left: {own},
		"limit=unlimited && " + left: {hosts}, left + " && pidns=own && !(net=own)": {hosts}, left + " && started<-1h": nil, left + " && memory=?": nil,
	} {
		stdout, stderr, code := nsviz(t, "ps", "--format", "{{.Name}}", "--filter", filter)
		names := strings.Fields(stdout)
		slices.Sort(names)
		if code != 0 || !slices.Equal(names, want) {
			t.Errorf("ps --filter %s: exit code %d, %q, want %q\n%s", filter, code, names, want, stderr)
		}
	}

	var listed, chosen []nsEntry
	nsvizJSON(t, &listed, "ns", "-o", "json")
	nsvizJSON(t, &chosen, "ns", "-o", "json", "--filter", "container="+own+" && host=false", "--filter", "type!=user")
	want := slices.DeleteFunc(listed, func(n nsEntry) bool {
		return !slices.Contains(n.Containers, own) || slices.Contains(n.Processes, int32(os.Getpid())) || n.Type == "user"
	})
	ids := func(list []nsEntry) (ids []uint64) {
		for _, n := range list {
			ids = append(ids, n.ID)
		}
		slices.Sort(ids)
		return ids
	}
	if len(want) < 5 || !slices.Equal(ids(chosen), ids(want)) {
		t.Errorf("ns --filter lists %v, want %v", ids(chosen), ids(want))
	}
}
