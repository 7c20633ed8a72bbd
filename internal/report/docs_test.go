package report

import (
	"bytes"
	"encoding"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// inWhy lists the types that the section on `nsviz why` describes for all sections.
var inWhy = []reflect.Type{
	reflect.TypeFor[model.Entry](), reflect.TypeFor[story.Piece](), reflect.TypeFor[fact.Limit](), reflect.TypeFor[model.Abandoned](),
	reflect.TypeFor[fact.Unheld](), reflect.TypeFor[fact.Stuck](), reflect.TypeFor[fact.Paused](), reflect.TypeFor[fact.FormerName](), reflect.TypeFor[fact.NeverStarted](), reflect.TypeFor[Ending](), reflect.TypeFor[Engine](),
}

// The sections of docs/EVENTS.md name all JSON fields of each command's output, and their examples have no other fields.
func TestDocumentedCommands(t *testing.T) {
	data, err := os.ReadFile("../../docs/EVENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	for command, document := range map[string]reflect.Type{
		"ps": reflect.TypeFor[Workload](), "ns": reflect.TypeFor[Namespace](),
		"why": reflect.TypeFor[ContainerAnswer](), "why TYPE:[ID]": reflect.TypeFor[NamespaceAnswer](), "why cgroup:PATH": reflect.TypeFor[CgroupAnswer](),
		"why kill:ID": reflect.TypeFor[KillAnswer](),
		"trace":       reflect.TypeFor[Trace](), "inspect --from": reflect.TypeFor[Known](), "inspect": reflect.TypeFor[anatomy.Anatomy](),
	} {
		_, text, found := strings.Cut(string(data), "\n## `nsviz "+command+" -o json`\n")
		if !found {
			t.Fatalf("%s: no section", command)
		}
		text, _, _ = strings.Cut(text, "\n## ")
		elsewhere := func(t reflect.Type) bool { return ofEvents(t) || command != "why" && slices.Contains(inWhy, t) }
		for field := range fieldsOf(document, elsewhere) {
			if !strings.Contains(text, "`"+field+"`") {
				t.Errorf("%s: %s is not documented", command, field)
			}
		}
		_, example, found := strings.Cut(text, "```json\n")
		example, _, closed := strings.Cut(example, "\n```")
		if !found || !closed || strings.Contains(text[strings.Index(text, example):], "```json") {
			t.Fatalf("%s: want one example", command)
		}
		fields := fieldsOf(document, func(reflect.Type) bool { return false })
		for _, typ := range event.NamespaceTypes() {
			fields[typ.String()] = true
		}
		var list any
		if err := json.Unmarshal([]byte(example), &list); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		for _, key := range keys(list) {
			if !fields[key] {
				t.Errorf("%s: the example has %s, which is no field", command, key)
			}
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(example)); err != nil || compact.String() != example {
			t.Errorf("%s: the example is not one compact line (%v)", command, err)
		}
	}
}

// ofEvents reports whether a type is one that the sections on events describe.
func ofEvents(t reflect.Type) bool { return t.PkgPath() == reflect.TypeFor[event.Event]().PkgPath() }

// fieldsOf lists the JSON names of the fields of a type and of the types in it, except those to skip.
func fieldsOf(t reflect.Type, skip func(reflect.Type) bool) map[string]bool {
	fields, seen := map[string]bool{}, map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(t reflect.Type) {
		if seen[t] || skip(t) || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
			return
		}
		seen[t] = true
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			visit(t.Elem())
		case reflect.Struct:
			for f := range t.Fields() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if name == "" && f.Anonymous || name != "" && name != "-" {
					if name != "" {
						fields[name] = true
					}
					visit(f.Type)
				}
			}
		}
	}
	visit(t)
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
