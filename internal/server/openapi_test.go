package server

import (
	"bytes"
	"encoding"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/nsviz/nsviz/internal/diagram"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/report"
)

var update = flag.Bool("update", false, "write docs/api/openapi.json anew")

const openAPIFile = "../../docs/api/openapi.json"

// object is a JSON object.
type object = map[string]any

// schemas derives JSON schemas from Go types, as encoding/json writes these.
type schemas struct{ named object }

// of returns the schema of a type; that of a struct is a reference.
func (s *schemas) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[event.NamespaceIDs]():
		return object{"type": "object", "description": "the number of the namespace of each type", "additionalProperties": object{"type": "integer", "minimum": 0}}
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return object{"type": "string"}
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		panic(fmt.Sprintf("%v writes its JSON by itself: say here what that is", t))
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Slice, reflect.Array:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Struct:
		name := path.Base(t.PkgPath()) + "." + t.Name()
		if s.named[name] == nil {
			properties, required := object{}, []string{}
			s.named[name] = object{"type": "object", "properties": properties}
			s.fields(t, properties, &required)
			if len(required) > 0 {
				s.named[name].(object)["required"] = required
			}
		}
		return object{"$ref": "#/components/schemas/" + name}
	}
	panic(fmt.Sprintf("no schema for %v", t))
}

// fields adds the fields of a struct. Those that are never left out are required.
func (s *schemas) fields(t reflect.Type, properties object, required *[]string) {
	for f := range t.Fields() {
		name, how, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			s.fields(f.Type, properties, required)
		case name == "-" || !f.IsExported():
		case name == "":
			panic(fmt.Sprintf("%v.%s has no name in JSON", t, f.Name))
		default:
			properties[name] = s.of(f.Type)
			if !strings.Contains(how, "omit") {
				*required = append(*required, name)
			}
		}
	}
}

// answers are the types with which the paths answer.
var answers = map[string][]reflect.Type{
	IndexPath: {reflect.TypeFor[Index]()}, WorkloadsPath: {reflect.TypeFor[report.Listing]()}, PsPath: {reflect.TypeFor[report.Listing]()},
	NamespacesPath: {reflect.TypeFor[report.NamespaceList]()}, KillsPath: {reflect.TypeFor[report.KillList]()},
	EventsPath: {reflect.TypeFor[report.EventList]()}, InspectPath: {reflect.TypeFor[report.Known]()},
	WhyPath: {reflect.TypeFor[report.ContainerAnswer](), reflect.TypeFor[report.NamespaceAnswer](), reflect.TypeFor[report.CgroupAnswer](), reflect.TypeFor[report.KillAnswer]()},
}

// parameterSchemas are those of the parameters that are more than a text.
var parameterSchemas = object{
	atParameter: object{"type": "string", "format": "date-time"}, sinceParameter: object{"type": "string", "format": "date-time"},
	limitParameter: object{"type": "integer", "minimum": 1}, followParameter: object{"type": "boolean"},
	filterParameter: object{"type": "array", "items": object{"type": "string"}},
	formParameter:   object{"type": "string", "enum": []string{"json", "dot", "mermaid", "svg"}},
}

// openAPI describes the API.
func openAPI() []byte {
	s := schemas{object{}}
	refused := func(about string) object {
		return object{"description": about, "content": object{"application/json": object{"schema": s.of(reflect.TypeFor[Refusal]())}}}
	}
	paths := object{}
	for _, e := range newQuestions(nil, nil).endpoints() {
		parameters := []object{}
		for _, p := range e.Parameters {
			schema := parameterSchemas[p.Name]
			if schema == nil {
				schema = object{"type": "string"}
			}
			parameters = append(parameters, object{"name": p.Name, "in": "query", "description": p.About, "schema": schema})
		}
		var kinds []object
		for _, t := range answers[e.Path] {
			kinds = append(kinds, s.of(t))
		}
		schema := kinds[0]
		if len(kinds) > 1 {
			schema = object{"anyOf": kinds}
		}
		content := object{"application/json": object{"schema": schema}}
		switch e.Path {
		case EventsPath:
			content[StreamType] = object{"schema": s.of(reflect.TypeFor[event.Event]())}
		case NamespacesPath:
			for _, form := range diagram.Forms() {
				kind, _, _ := strings.Cut(form.MediaType, ";")
				content[kind] = object{"schema": object{"type": "string"}}
			}
		}
		paths[e.Path] = object{"get": object{
			"summary": e.About, "parameters": parameters,
			"responses": object{
				"200": object{"description": "the answer", "content": content},
				"400": refused("a parameter is wrong or unknown; filter says where an expression is"),
				"401": object{"description": "a user and a password are wanted (--web.config.file)"},
				"403": refused("other hosts get the metrics alone (--web.remote=metrics); a page of another site gets a text"),
				"404": refused("nothing is known of that"),
				"405": refused("another method than GET and HEAD"),
				"409": refused("a name is ambiguous"),
				"410": refused("what was at that time is not kept"),
				"421": object{"description": "without a password nsviz does not answer under this name (--web.host)"},
				"500": refused("a mistake in nsviz, which counts it"),
				"503": refused("too many ask, or nsviz has seen nothing yet; Retry-After says when to ask again"),
			},
		}}
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	_ = encoder.Encode(object{
		"openapi": "3.1.0",
		"info":    object{"title": "nsviz", "version": "1", "description": "What an nsviz that is running knows. Fields and paths may be added, never renamed."},
		"paths":   paths, "components": object{"schemas": s.named},
	})
	return b.Bytes()
}

// The description of the API is that of the Go types.
func TestOpenAPI(t *testing.T) {
	want := openAPI()
	if *update {
		if err := os.WriteFile(openAPIFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(openAPIFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not up to date: go test ./internal/server -run OpenAPI -update", openAPIFile)
	}
}

// valid checks an answer by the schema of its type, in which no field is left that is not described.
func valid(t *testing.T, document reflect.Type, answer string) {
	t.Helper()
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(openAPI()))
	if err != nil {
		t.Fatal(err)
	}
	for _, schema := range whole.(object)["components"].(object)["schemas"].(object) {
		schema.(object)["additionalProperties"] = false
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", whole); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("openapi.json#/components/schemas/" + path.Base(document.PkgPath()) + "." + document.Name())
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(answer))
	if err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%#v\n%s", err, answer)
	}
}

// docs/API.md names every path, every parameter and every status of the API.
func TestAPIIsDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{"400": true, "401": true, "403": true, "404": true, "405": true, "409": true, "410": true, "421": true, "500": true, "503": true, CompleteSinceHeader: true, StreamType: true}
	for _, e := range newQuestions(nil, nil).endpoints() {
		words[e.Path] = true
		for _, p := range e.Parameters {
			words[p.Name] = true
		}
	}
	for _, word := range slices.Sorted(maps.Keys(words)) {
		if !strings.Contains(string(data), "`"+word+"`") {
			t.Errorf("docs/API.md says nothing of `%s`", word)
		}
	}
}
