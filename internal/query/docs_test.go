package query

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/FILTERS.md lists the fields as they are; its examples are expressions, and one mistake.
func TestDocumentedFields(t *testing.T) {
	data, err := os.ReadFile("../../docs/FILTERS.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(data), "\n## ") {
		heading, text, _ := strings.Cut(section, "\n")
		sections[heading] = text
	}
	_, err = Workloads.Parse("oom>0 && imgae~nginx", clock)
	var mistake *Error
	if !errors.As(err, &mistake) || !strings.Contains(string(data), "\nnsviz: --filter: "+mistake.Render()+"\n") {
		t.Errorf("the example of a mistake is not %v", err)
	}
	documented(t, sections, "`nsviz ps --filter`", Workloads)
	documented(t, sections, "`nsviz ns --filter`", Namespaces)
	documented(t, sections, "`nsviz events --filter`", Events)
}

var example = regexp.MustCompile("(?m)^- `([^`]+)`: ")

func documented[R any](t *testing.T, sections map[string]string, heading string, fields Fields[R]) {
	t.Helper()
	var b strings.Builder
	b.WriteString("| field | type | what it is | `=` takes | a word looks at it |\n|---|---|---|---|---|\n")
	for i := range fields {
		s := &fields[i].Spec
		searched := ""
		if s.Searched {
			searched = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %v | %s | %s | %s |\n", s.Name, s.Type, s.About, s.Takes(), searched)
	}
	if !strings.Contains(sections[heading]+"\n", "\n\n"+b.String()+"\n") {
		t.Errorf("%s: the table is not\n%s", heading, &b)
	}
	examples := example.FindAllStringSubmatch(sections[heading], -1)
	if len(examples) == 0 {
		t.Errorf("%s: no example", heading)
	}
	for _, e := range examples {
		if _, err := fields.Parse(e[1], clock); err != nil {
			t.Errorf("%s: %s: %v", heading, e[1], err)
		}
	}
}
