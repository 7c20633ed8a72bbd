//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// TestRename renames a container. It is found by both names from then on, and its series have the new one, but for what was counted before.
func TestRename(t *testing.T) {
	const before, after = "nsviz-test-before", "nsviz-test-after"
	address := startServe(t)
	removeContainer(t, after)
	run(t, before, busyboxImage, "sh", "-c", waits)
	var a report.ContainerAnswer
	calls := func(asked, name string) {
		t.Helper()
		eventually(t, func() bool {
			var known bool
			a, known = why(t, address, asked)
			return known && a.Container.Name == name
		}, func() string { return fmt.Sprintf("%s is %+v", asked, a.Container) })
	}
	calls(before, before)
	entries := func(name string) string { return fmt.Sprintf(`nsviz_container_entries_total{container=%q}`, name) }
	docker(t, "exec", before, "true")
	var got map[string]string
	eventually(t, func() bool {
		got = metrics(t, address)
		return got[entries(before)] == "1"
	}, func() string { return entries(before) + " is " + got[entries(before)] })
	docker(t, "rename", before, after)
	calls(after, after)
	calls(before, after)
	if !strings.HasPrefix(a.Sentence, after+" runs. ") || !strings.Contains(a.Sentence, " It was called "+before+" until it was renamed at ") {
		t.Error(a.Sentence)
	}
	if n := a.FormerNames; len(n) != 1 || n[0].Name != before || n[0].Until.IsZero() {
		t.Errorf("%+v", n)
	}
	if !slices.ContainsFunc(a.History, func(m model.Entry) bool {
		return m.Kind == model.EntryRenamed && *m.Renamed == model.Rename{From: before, To: after}
	}) {
		t.Errorf("%+v", a.History)
	}
	if text, _, code := nsviz(t, "inspect", before, "--from", "http://"+address); code != 0 || !strings.HasPrefix(text, after+", id ") || !strings.Contains(text, "was called "+before) {
		t.Errorf("inspect: %d\n%s", code, text)
	}
	series := func(name string) string {
		return fmt.Sprintf(`nsviz_container_exits_total{cause="exited",container=%q}`, name)
	}
	got = metrics(t, address)
	if _, known := got[series(after)]; !known {
		t.Errorf("there is no %s", series(after))
	}
	if value, known := got[series(before)]; known {
		t.Errorf("%s is %s", series(before), value)
	}
	if got[entries(before)] != "1" || got[entries(after)] != "0" { // what was counted is counted once
		t.Errorf("entries: %q under the old name, %q under the new one", got[entries(before)], got[entries(after)])
	}
}
