package metrics

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docs/METRICS.md has a row for every family, in the same order, with its type and labels, and no
// other row.
func TestDocumentationListsEveryFamily(t *testing.T) {
	page, err := os.ReadFile("../../docs/METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([a-z_]+)`")
	type row struct {
		Name, Type string
		Labels     []string
	}
	var documented, served []row
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| `nsviz_") {
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) != 7 {
			t.Errorf("want 5 cells: %s", line)
			continue
		}
		r := row{Name: strings.Trim(cells[1], " `"), Type: strings.TrimSpace(cells[2])}
		for _, label := range quoted.FindAllStringSubmatch(cells[3], -1) {
			r.Labels = append(r.Labels, label[1])
		}
		documented = append(documented, r)
	}
	for _, f := range Families() {
		served = append(served, row{f.Name, f.Type, f.Labels})
	}
	if diff := cmp.Diff(served, documented); diff != "" {
		t.Errorf("docs/METRICS.md differs from what is served (-served +documented):\n%s", diff)
	}
}
