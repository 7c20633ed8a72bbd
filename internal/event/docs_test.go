package event

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// page is docs/EVENTS.md: its sections by their heading.
func page(t *testing.T) (sections map[string]string, whole string) {
	t.Helper()
	data, err := os.ReadFile("../../docs/EVENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	sections = map[string]string{}
	for _, section := range strings.Split(string(data), "\n## ") {
		heading, text, _ := strings.Cut(section, "\n")
		sections[heading] = text
	}
	return sections, string(data)
}

var jsonBlock = regexp.MustCompile("(?s)```json\n(.*?)```")

func examples(text string) (lines []string) {
	for _, block := range jsonBlock.FindAllStringSubmatch(text, -1) {
		lines = append(lines, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	return lines
}

// The page shows one event of each type, in its section, exactly as nsviz writes it.
func TestDocumentedExamples(t *testing.T) {
	sections, _ := page(t)
	golden := map[Type]string{}
	for _, e := range samples() {
		golden[e.Type] = strings.TrimSpace(string(encode(t, e)))
	}
	shown := map[Type]string{}
	for heading, text := range sections {
		if strings.HasPrefix(heading, "`nsviz") {
			continue
		}
		for _, line := range examples(text) {
			var e Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Errorf("%v in %s", err, line)
			}
			if !strings.Contains(heading, "`"+string(e.Type)+"`") {
				t.Errorf("an example of %s stands below %q", e.Type, heading)
			}
			shown[e.Type] = line
		}
	}
	if diff := cmp.Diff(golden, shown); diff != "" {
		t.Errorf("examples (-now +documented):\n%s", diff)
	}
}

func TestDocumentedEventFields(t *testing.T) {
	_, text := page(t)
	for field := range fieldsOf(reflect.TypeFor[Event]()) {
		if _, name, _ := strings.Cut(field, "."); !strings.Contains(text, "`"+name+"`") {
			t.Errorf("%s is not documented", field)
		}
	}
	for _, typ := range NamespaceTypes() {
		if !strings.Contains(text, "`"+typ.String()+"`") {
			t.Errorf("namespace type %s is not documented", typ)
		}
	}
}

func TestDocumentedReasons(t *testing.T) {
	sections, _ := page(t)
	for _, reason := range append(LostReasons(), LostReader, LostRecording, LostExport) {
		if !strings.Contains(sections["`events_lost`"], "`"+reason+"`") {
			t.Errorf("the reason %q is not documented", reason)
		}
	}
}
