package event

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
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
	for _, reason := range append(LostReasons(), LostReader, LostRecording) {
		if !strings.Contains(sections["`events_lost`"], "`"+reason+"`") {
			t.Errorf("the reason %q is not documented", reason)
		}
	}
}

// The one-shot commands have structs of their own, in a package that no other can import.
func TestDocumentedCommands(t *testing.T) {
	sections, _ := page(t)
	for command, files := range map[string][]string{
		"ps": {"../../cmd/nsviz/ps.go"}, "ns": {"../../cmd/nsviz/ns.go"}, "why": {"../story/why.go", "../story/text.go", "../isolation/moment.go", "../fact/limit.go"},
		"why TYPE:[ID]": {"../story/namespace.go"}, "why cgroup:PATH": {"../story/cgroup.go", "../fact/limits.go"}, "inspect --from": {"../story/known.go", "../fact/limits.go"},
		"inspect": {"../anatomy/anatomy.go", "../anatomy/holes.go", "../anatomy/ports.go", "../host/nsfs/idmaps.go", "../host/resources/resources.go",
			"../host/resources/memory_use.go", "../host/resources/cpu.go", "../host/resources/pids.go", "../host/resources/io.go",
			"../host/resources/pressure.go", "../fact/limit.go", "../fact/settings.go"},
	} {
		text := sections["`nsviz "+command+" -o json`"]
		fields := map[string]bool{}
		for _, file := range files {
			maps.Copy(fields, sourceFields(t, file))
		}
		for field := range fields {
			if !strings.Contains(text, "`"+field+"`") {
				t.Errorf("%s: %s is not documented", command, field)
			}
		}
		lines := examples(text)
		if len(lines) != 1 {
			t.Fatalf("%s: %d examples, want one", command, len(lines))
		}
		for _, typ := range NamespaceTypes() {
			fields[typ.String()] = true
		}
		maps.Copy(fields, sourceFields(t, "../isolation/moment.go")) // histories are, too, and documented once
		maps.Copy(fields, sourceFields(t, "../fact/limit.go"))       // with the limits in them
		maps.Copy(fields, sourceFields(t, "../story/text.go"))       // as are texts
		for field := range fieldsOf(reflect.TypeFor[Event]()) {      // whole events are in some
			_, name, _ := strings.Cut(field, ".")
			fields[name] = true
		}
		var list any
		if err := json.Unmarshal([]byte(lines[0]), &list); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		for _, key := range keys(list) {
			if !fields[key] {
				t.Errorf("%s: the example has %s, which is no field", command, key)
			}
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(lines[0])); err != nil || compact.String() != lines[0] {
			t.Errorf("%s: the example is not one compact line (%v)", command, err)
		}
	}
}

// sourceFields lists the JSON names of all structs in a source file.
func sourceFields(t *testing.T, file string) map[string]bool {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	for node := range ast.Preorder(source) {
		field, ok := node.(*ast.Field)
		if !ok || field.Tag == nil {
			continue
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		fields[name] = true
	}
	if len(fields) == 0 {
		t.Fatalf("%s has no JSON any more", file)
	}
	return fields
}

// keys lists the keys of all objects in a JSON value.
func keys(v any) []string {
	var all []string
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			all = append(all, keys(element)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			all = append(append(all, key), keys(v[key])...)
		}
	}
	return all
}
