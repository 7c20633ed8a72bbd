package event

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// encode writes events as `nsviz events -o json` does.
func encode(t testing.TB, events ...Event) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	for _, e := range events {
		if err := encoder.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

const golden = "testdata/events.ndjson"

// The golden file is the contract: names, their order, how values are written.
func TestGolden(t *testing.T) {
	got := encode(t, append(samples(), more()...)...)
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the JSON of events is a contract and has changed (-golden +now):\n%s", diff)
	}
}

func TestGoldenReadsBack(t *testing.T) {
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var got []Event
	for line := range bytes.Lines(data) {
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		var e Event
		if err := decoder.Decode(&e); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		got = append(got, e)
	}
	if diff := cmp.Diff(append(samples(), more()...), got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestSamplesHaveEveryTypeAndField(t *testing.T) {
	var types []Type
	for _, e := range samples() {
		types = append(types, e.Type)
	}
	if diff := cmp.Diff(Types(), types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	seen := map[string]bool{}
	for _, e := range append(samples(), more()...) {
		used(reflect.ValueOf(e), seen)
	}
	for field := range fieldsOf(reflect.TypeFor[Event]()) {
		if !seen[field] {
			t.Errorf("no sample has %s, so the golden file does not show it", field)
		}
	}
}

// used notes the JSON fields, as Struct.name, that are not zero in v and below it.
func used(v reflect.Value, seen map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			used(v.Elem(), seen)
		}
	case reflect.Slice:
		for i := range v.Len() {
			used(v.Index(i), seen)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := jsonName(v.Type().Field(i)); name != "" && !v.Field(i).IsZero() {
				seen[v.Type().Name()+"."+name] = true
				used(v.Field(i), seen)
			}
		}
	}
}

// fieldsOf lists the JSON fields, as Struct.name, of a type and of the types in it.
func fieldsOf(t reflect.Type) map[string]bool {
	fields := map[string]bool{}
	var visit func(reflect.Type)
	visit = func(t reflect.Type) {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice:
			visit(t.Elem())
		case reflect.Struct:
			for i := range t.NumField() {
				name := t.Name() + "." + jsonName(t.Field(i))
				if jsonName(t.Field(i)) == "" || fields[name] {
					continue
				}
				fields[name] = true
				visit(t.Field(i).Type)
			}
		}
	}
	visit(t)
	return fields
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return strings.TrimPrefix(name, "-")
}

func TestUnknownIsAbsent(t *testing.T) {
	at := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	head := func(typ Type) string { return `{"time":"2026-11-23T20:00:00Z","type":"` + string(typ) + `"` }
	tests := []struct {
		name  string
		event Event
		want  string // after the head
	}{
		{"nothing", Event{Type: ContainerStarted}, `}`},
		{"start", Event{Type: ContainerStarted, Start: &Start{}}, `,"start":{}}`},
		{
			"a duration of zero is known",
			Event{Type: ContainerStarted, Start: &Start{DurationMS: new(0.0)}}, `,"start":{"duration_ms":0}}`,
		},
		{
			"one namespace of eight",
			Event{Type: ContainerStarted, Start: &Start{Namespaces: NamespaceIDs{Net: 7}}},
			`,"start":{"namespaces":{"net":7}}}`,
		},
		{"exit", Event{Type: ContainerExited, Exit: &Exit{}}, `,"exit":{}}`},
		{
			"code zero is known",
			Event{Type: ContainerExited, Exit: &Exit{Code: new(int32(0)), Cause: CauseExited}},
			`,"exit":{"code":0,"cause":"exited"}}`,
		},
		{"kill", Event{Type: OOMKill, OOM: &OOM{}}, `,"oom":{"victim":{"pid":0}}}`},
		{
			"zeros of a kill are known",
			Event{Type: OOMKill, OOM: &OOM{LimitBytes: new(uint64(0)), Victim: Victim{PID: 1, OOMScoreAdj: new(int32(0)), UID: new(uint32(0))}}},
			`,"oom":{"limit_bytes":0,"victim":{"pid":1,"oom_score_adj":0,"uid":0}}}`,
		},
		{
			"namespace",
			Event{Type: NamespaceFreed, Namespace: &Namespace{Type: Mnt, ID: 7}}, `,"namespace":{"type":"mnt","id":7}}`,
		},
		{"cgroup", Event{Type: CgroupCreated, Cgroup: &Cgroup{Path: "/", ID: 1}}, `,"cgroup":{"path":"/","id":1}}`},
		{"ids of cgroups stay inside", Event{Type: ContainerStarted, CgroupID: 7}, `}`},
		{
			"container", Event{Type: ContainerStarted, Container: &Container{ID: "x"}}, `,"container":{"id":"x"}}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.event.Time = at
			want := head(test.event.Type) + test.want + "\n"
			if diff := cmp.Diff(want, string(encode(t, test.event))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A process may have any name. Its events are still lines of valid JSON.
func TestHostileNames(t *testing.T) {
	for _, name := range []string{
		"\n{\"type\":\"oom_kill\"}\n", "\r", "\x00\x01\x1b[2J", "\xff\xfe", "\xc3", "\u2028\u2029", `"\`, "</script>&", "\u202e",
	} {
		for field, e := range map[string]Event{
			"comm": {Comm: name}, "path": {Cgroup: &Cgroup{Path: name}}, "name": {Container: &Container{ID: name, Name: name}},
			"victim": {OOM: &OOM{Victim: Victim{Comm: name}, Trigger: &Process{Comm: name}}},
		} {
			line := encode(t, e)
			body := bytes.TrimSuffix(line, []byte("\n"))
			if !json.Valid(body) || !utf8.Valid(body) || bytes.ContainsFunc(body, func(r rune) bool { return r < ' ' || r == '\u2028' || r == '\u2029' }) {
				t.Errorf("%s %q: %q", field, name, line)
			}
			var back Event
			if err := json.Unmarshal(line, &back); err != nil {
				t.Errorf("%s %q: %v", field, name, err)
			}
			if utf8.ValidString(name) && !cmp.Equal(e, back) {
				t.Errorf("%s %q came back as %v", field, name, back)
			}
		}
	}
}

func TestLabel(t *testing.T) {
	tests := []struct {
		name string
		c    *Container
		want string
	}{
		{"none", nil, ""},
		{"named", &Container{ID: webID, Name: "web"}, "web"},
		{"unnamed", &Container{ID: webID}, webID[:12]},
		{"id of another kind", &Container{ID: "nsviz-demo-web-of-some-length"}, "nsviz-demo-web-of-some-length"},
		{"in another one", &Container{ID: webID, Name: "web", Parent: &Container{ID: innerID, Name: "outer"}}, "web"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.c.Label(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSubject(t *testing.T) {
	acting, owner := &Container{ID: "acting"}, &Container{ID: "owner"}
	tests := []struct {
		name string
		e    Event
		want *Container
	}{
		{"nobody", Event{}, nil},
		{"the acting process's", Event{Container: acting}, acting},
		{"a cgroup's", Event{Container: acting, Cgroup: &Cgroup{Container: owner}}, owner},
		{"a cgroup of none", Event{Container: acting, Cgroup: &Cgroup{}}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.e.Subject(); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// Whatever reads as an event can be written, and is the same when it is read again.
func FuzzUnmarshal(f *testing.F) {
	for _, e := range append(samples(), more()...) {
		f.Add(encode(f, e))
	}
	f.Add([]byte(`{"start":{"namespaces":{"mnt":0,"net":18446744073709551615}}}`))
	f.Add([]byte(`{"start":{"namespaces":null},"oom":null,"exit":{"by":{}}}`))
	f.Add([]byte(`{"namespace":{"type":"nope"}}`))
	f.Add([]byte(`{"time":"2026-11-23T20:00:00.5+23:59","start":{"duration_ms":1e300,"phases":[]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var first, second Event
		if json.Unmarshal(data, &first) != nil {
			return
		}
		once := encode(t, first)
		if err := json.Unmarshal(once, &second); err != nil {
			t.Fatalf("%v in %s", err, once)
		}
		if twice := encode(t, second); !bytes.Equal(once, twice) {
			t.Errorf("%s became %s", once, twice)
		}
	})
}
