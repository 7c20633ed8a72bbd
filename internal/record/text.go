package record

import (
	"bytes"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/nsviz/nsviz/internal/fact"
)

// JSON cannot hold bytes that are not UTF-8, but the kernel's names and paths may. encoding/json would write each such byte as
// U+FFFD, so that two cgroups might become one. So a recording has the private-use character U+10FENN in place of the byte
// 0xNN. Such a character in the text itself is written as its four bytes. The header notes that.
const (
	escapes     = "U+10FE00"
	firstEscape = 0x10FE00
	lastEscape  = 0x10FEFF
)

// escapePrefix is the beginning of all of these characters in UTF-8, and of a few others.
var escapePrefix = []byte("\xf4\x8f")

// needsEscape reports whether a line of JSON may hold changed text. encoding/json writes the escape sequence only for bytes
// that are not UTF-8, and writes a U+FFFD of the text unchanged.
func needsEscape(line []byte) bool {
	return bytes.Contains(line, []byte(`\ufffd`)) || bytes.Contains(line, escapePrefix)
}

func escape(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, string(escapePrefix)) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 || r >= firstEscape && r <= lastEscape {
			for i := range size {
				b.WriteRune(firstEscape + rune(s[i]))
			}
		} else {
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

func unescape(s string) string {
	if !strings.Contains(s, string(escapePrefix)) {
		return s
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r >= firstEscape && r <= lastEscape {
			b = append(b, byte(r-firstEscape))
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// rewriteFact returns a copy of a fact with every string rewritten. The fact itself is unchanged.
func rewriteFact(f fact.Fact, rewrite func(string) string) fact.Fact {
	return rewritten(reflect.ValueOf(f), rewrite).Interface().(fact.Fact)
}

func rewritten(v reflect.Value, rewrite func(string) string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		out.SetString(rewrite(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(rewritten(v.Elem(), rewrite))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(rewritten(v.Field(i), rewrite))
			}
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			out.Index(i).Set(rewritten(v.Index(i), rewrite))
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for key, value := range v.Seq2() {
				out.SetMapIndex(rewritten(key, rewrite), rewritten(value, rewrite))
			}
		}
	}
	return out
}
