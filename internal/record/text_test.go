package record

import (
	"bytes"
	"compress/gzip"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// texts are possible names and paths of the kernel.
func texts() []string {
	return []string{
		"/a\xff", "/a\xfe", "/a\ufffd", "\x80", "half a rune \xe2\x82", "\xf4\x8f", "\xf4\x8f\xb8", "U+10FE80 \U0010fe80", "\U0010feff\xff",
		"\U0010fdff \U0010ff00 \U0010ffff", `\ufffd`, `\`, "\u2028<&>\n\x00\"", "déjà 日本", "",
	}
}

func TestEscape(t *testing.T) {
	seen := map[string]string{}
	for _, text := range texts() {
		escaped := escape(text)
		if !utf8.ValidString(escaped) || unescape(escaped) != text {
			t.Errorf("%q becomes %q and then %q", text, escaped, unescape(escaped))
		}
		if other, ok := seen[escaped]; ok {
			t.Errorf("%q and %q are one", text, other)
		}
		seen[escaped] = text
	}
}

func FuzzEscape(f *testing.F) {
	for _, text := range texts() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if escaped := escape(text); !utf8.ValidString(escaped) || unescape(escaped) != text {
			t.Errorf("%q becomes %q and then %q", text, escaped, unescape(escaped))
		}
	})
}

// Every text of a fact is read as it was written, whatever its bytes, and the line in between is UTF-8.
func TestRoundTripOfAnyText(t *testing.T) {
	for _, text := range texts() {
		var written []fact.Fact
		for _, f := range facts() {
			written = append(written, rewriteFact(f, func(s string) string {
				if s == "" {
					return s // absent, and stays so
				}
				return text + s
			}))
		}
		if text != "" && cmp.Equal(facts(), written) {
			t.Fatal("nothing is rewritten")
		}
		before := rewriteFacts(written)
		file := recording(t, written...)
		got, err := read(bytes.NewReader(file))
		if err != io.EOF {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, got); diff != "" {
			t.Errorf("%q (-written +read):\n%s", text, diff)
		}
		if diff := cmp.Diff(before, written); diff != "" {
			t.Errorf("%q: what was written has changed:\n%s", text, diff)
		}
		zip, err := gzip.NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if lines, err := io.ReadAll(zip); err != nil || !utf8.Valid(lines) {
			t.Errorf("%q: no UTF-8, %v", text, err)
		}
	}
}

// rewriteFacts copies facts.
func rewriteFacts(facts []fact.Fact) []fact.Fact {
	list := make([]fact.Fact, len(facts))
	for i, f := range facts {
		list[i] = rewriteFact(f, strings.Clone)
	}
	return list
}

// A copy shares nothing with the original: no field of a fact is overlooked.
func TestRewriteReachesEverything(t *testing.T) {
	var full fact.Fact
	fill(reflect.ValueOf(&full).Elem())
	n := 0
	rewriteFact(full, func(s string) string {
		if s != "x" {
			t.Errorf("%q", s)
		}
		n++
		return s
	})
	if want := count(reflect.TypeFor[fact.Fact](), 0); n != want {
		t.Errorf("%d texts of %d", n, want)
	}
}

// deepest is the depth of nested containers.
const deepest = 12

// fill puts an x into every text.
func fill(v reflect.Value) { fillTo(v, 0) }

func fillTo(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Pointer:
		if depth < deepest {
			v.Set(reflect.New(v.Type().Elem()))
			fillTo(v.Elem(), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillTo(v.Field(i), depth+1)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillTo(v.Index(0), depth+1)
	case reflect.Array:
		for i := range v.Len() {
			fillTo(v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillTo(key, depth+1)
		fillTo(value, depth+1)
		v.SetMapIndex(key, value)
	}
}

// count returns how many texts fill fills in.
func count(t reflect.Type, depth int) (n int) {
	switch t.Kind() {
	case reflect.String:
		return 1
	case reflect.Pointer:
		if depth < deepest {
			return count(t.Elem(), depth+1)
		}
	case reflect.Slice:
		return count(t.Elem(), depth+1)
	case reflect.Array:
		return t.Len() * count(t.Elem(), depth+1)
	case reflect.Map:
		return count(t.Key(), depth+1) + count(t.Elem(), depth+1)
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				n += count(t.Field(i).Type, depth+1)
			}
		}
	}
	return n
}

// Recordings of versions that did not escape have no such header, and their text is unchanged.
func TestTextOfOldRecordings(t *testing.T) {
	line := `{"time":"2026-11-23T20:00:00Z","identity":{"id":"ab","name":"` + "\U0010fe80" + `\ufffd"}}` + "\n"
	for _, test := range []struct{ head, name string }{
		{head, "\U0010fe80\ufffd"},
		{strings.Replace(head, `"version":1`, `"version":1,"escapes":"another way"`, 1), "\U0010fe80\ufffd"},
		{strings.Replace(head, `"version":1`, `"version":1,"escapes":"U+10FE00"`, 1), "\x80\ufffd"},
	} {
		got, err := read(bytes.NewReader(zipped(test.head + line + `{"facts":1}` + "\n")))
		if err != io.EOF || len(got) != 1 || got[0].Identity.Name != test.name {
			t.Errorf("%s: %v, %v", test.head, got, err)
		}
	}
}

// Two cgroups whose paths differ in a byte that is not UTF-8 stay two in a replay.
func TestCgroupsWithoutUTF8(t *testing.T) {
	var facts []fact.Fact
	for i, path := range []string{"/job\xff", "/job\xfe"} {
		at := begin.Add(time.Duration(i) * time.Second)
		facts = append(facts, fact.Fact{Time: at, Event: &event.Event{
			Time: at, Type: event.CgroupCreated, PID: 3, Comm: "mk\xc3", Cgroup: &event.Cgroup{Path: path, ID: uint64(i + 1)},
		}})
	}
	r, err := NewReader(bytes.NewReader(recording(t, facts...)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadAll(r, model.RecordingLimits())
	if err != nil || len(s.Cgroups) != 2 || s.Cgroups[0].Path != "/job\xfe" || s.Cgroups[1].Path != "/job\xff" || s.Cgroups[0].Creator.Comm != "mk\xc3" {
		t.Errorf("%v, %+v", err, s.Cgroups)
	}
}
