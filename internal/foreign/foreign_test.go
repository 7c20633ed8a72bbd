package foreign

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "hello world", "hello world"},
		{"escape sequence", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"newline and tab", "a\r\n\tb\x00", `a\x0d\x0a\x09b\x00`},
		{"delete", "a\x7f", `a\x7f`},
		{"C1 control", "a\u009b31m", `a\u009b31m`},
		{"invalid UTF-8", "a\xff\xc3(", `a\xff\xc3(`},
		{"direction controls", "a\u202eb\u2066c\u200f", `a\u202eb\u2066c\u200f`},
		{"invisible", "a\u200b\ufeff\u00ad\u2028b", `a\u200b\ufeff\u00ad\u2028b`},
		{"tags", "a\U000e0041", `a\U000e0041`},
		{"variation selectors", "a\ufe0f\U000e0100", `a\ufe0f\U000e0100`},
		{"fillers", "a\u3164\u115f\uffa0\u034f\u17b4", `a\u3164\u115f\uffa0\u034f\u17b4`},
		{"blanks that are no space", "a\u00a0\u2003\u3000\u2800", `a\u00a0\u2003\u3000\u2800`},
		{"every direction control", "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
			`\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069`},
		{"letters that are written from the right stay", "שלום عالم", "שלום عالم"},
		{"private use", "\ue0b0", `\ue0b0`},
		{"wide runes stay", "データ 标签", "データ 标签"},
		{"accents stay", "e\u0301é", "e\u0301é"},
		{"a mark that leads", "\u0301a", `\u0301a`},
		{"a mark on a blank", "a \u0301b", `a\x20\u0301b`},
		{"a tower of marks", "a" + strings.Repeat("\u0301", 9), `\x61` + strings.Repeat(`\u0301`, 9)},
		{"a rune of four columns", "⸻", `\u2e3b`},
		{"joined emoji come apart", "👩\u200d👧", `👩\u200d👧`},
		{"our own symbols", "●○×▸─█▏❚▶…", "●○×▸─█▏❚▶…"},
	} {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if again := Clean(Clean(tt.in)); again != Clean(tt.in) {
			t.Errorf("%s: cleaned twice it is %q", tt.name, again)
		}
	}
	for _, unit := range []string{"x", "デ", "é"} {
		s := Clean("begin" + strings.Repeat(unit, 1<<20) + "end")
		if len(s) > maxText || !strings.HasPrefix(s, "begin"+unit) || !strings.HasSuffix(s, unit+"end") || !strings.Contains(s, unit+"…"+unit) || Clean(s) != s {
			t.Errorf("a megabyte of %s became %d bytes: %.40q", unit, len(s), s)
		}
	}
}

func TestCutMiddle(t *testing.T) {
	for _, tt := range []struct {
		s    string
		w    int
		want string
	}{
		{"nsviz-demo-quiet", 10, "nsviz…uiet"},
		{"nsviz-demo-hog", 10, "nsviz…-hog"},
		{"web", 10, "web"},
		{"nsviz-demo-hog", 4, "nsv…"},
		{"データベース主系統本番", 10, "デー…本番"},
		{"データベース主系統本番", 11, "デー…統本番"},
		{"nsviz-demo-hog", 0, ""},
	} {
		got := CutMiddle(tt.s, tt.w)
		if got != tt.want || Width(got) > tt.w || Clean(got) != got {
			t.Errorf("CutMiddle(%q, %d) = %q, want %q", tt.s, tt.w, got, tt.want)
		}
	}
}

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"web": "web", "": "", "we\x1bb": `we\x1bb`,
		strings.Repeat("x", 80):               strings.Repeat("x", 80),
		strings.Repeat("x", 2000) + "-worker": strings.Repeat("x", 40) + "…" + strings.Repeat("x", 32) + "-worker",
		strings.Repeat("デ", 3000):             strings.Repeat("デ", 20) + "…" + strings.Repeat("デ", 19),
	} {
		if got := Name(in); got != want || Width(got) > nameWidth {
			t.Errorf("%.20q…: %q, want %q", in, got, want)
		}
	}
}

func TestProse(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for in, want := range map[string]string{
		"web runs.":               "web runs.",
		"  two  blanks ":          "  two  blanks ",
		"a \u0301b \x1b[2J\nc":    `a \u0301b \x1b[2J\x0ac`,
		long + " runs in " + long: strings.Repeat("x", 128) + "…" + strings.Repeat("x", 127) + " runs in " + strings.Repeat("x", 128) + "…" + strings.Repeat("x", 127),
	} {
		if got := Prose(in); got != want {
			t.Errorf("%.20q…: %q, want %q", in, got, want)
		}
	}
	if n := len(Prose(strings.Repeat("x ", 1<<20))); n > maxProse {
		t.Errorf("a megabyte of words is %d bytes", n)
	}
}

// Two different names always get two series.
func TestLabelsStayDifferent(t *testing.T) {
	labels := map[string]string{}
	for _, name := range []string{
		"a\x1b", `a\x1b`, `a\x5cx1b`, "a\u202eb", `a\u202eb`, "ab", "a\u200bb", "a\xff", `a\xff`, "a\ufffd", `a\`, `a\\`, `a\\x1b`, "a\\\x1b",
		`C:\windows`, "a\ufe0f", "a", "\U000e0041", `\U000e0041`, strings.Repeat("x", 5000), strings.Repeat("x", 5000) + "y",
	} {
		label := Label(name)
		if other, taken := labels[label]; taken {
			t.Errorf("%q and %q are both %q", name, other, label)
		}
		labels[label] = name
		if back := unescape(t, label); back != name {
			t.Errorf("%q became %q, which reads as %q", name, label, back)
		}
	}
	if got := Label(`C:\windows`); got != `C:\windows` {
		t.Errorf("a backslash that begins no escape became %q", got)
	}
}

// unescape reads what Label wrote.
func unescape(t *testing.T, label string) string {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(label); {
		digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}
		if label[i] != '\\' || i+1 == len(label) || digits[label[i+1]] == 0 {
			b.WriteByte(label[i])
			i++
			continue
		}
		n := digits[label[i+1]]
		code, err := strconv.ParseUint(label[i+2:i+2+n], 16, 32)
		if err != nil {
			t.Fatalf("%q: %v", label, err)
		}
		if n == 2 {
			b.WriteByte(byte(code))
		} else {
			b.WriteRune(rune(code))
		}
		i += 2 + n
	}
	return b.String()
}

func FuzzLabel(f *testing.F) {
	for _, s := range []string{`\x1b`, "\x1b", "a\u0301", "\xff", "\\", "👩\u200d👧", strings.Repeat("e\u0301", 20)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		label := Label(s)
		if back := unescape(t, label); back != s {
			t.Errorf("%q became %q, which reads as %q", s, label, back)
		}
		if !utf8.ValidString(label) {
			t.Errorf("%q is no UTF-8", label)
		}
		for _, shown := range []string{label, Clean(s), Name(s), Prose(s)} {
			if i := strings.IndexFunc(shown, hidden); i >= 0 {
				t.Errorf("%q shows %q", s, shown)
			}
		}
	})
}

// JSON is safe on a terminal, too, and its values do not change.
func TestJSON(t *testing.T) {
	type value struct {
		Name string `json:"na\u202eme"`
	}
	for _, name := range []string{"web", "データ é", "a\u202eb\u200b\u009b\x7f\U000e0041\U0001d159", "\ufffd", `\u202e`} {
		var out bytes.Buffer
		encoder := json.NewEncoder(JSONWriter(&out))
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(value{name}); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(strings.ReplaceAll(out.String(), "\n", ""), hidden); i >= 0 {
			t.Errorf("%q is written as %q", name, out.String())
		}
		var back value
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Name != name {
			t.Errorf("%q came back as %q, %v", name, back.Name, err)
		}
	}
	plain := []byte(`{"name":"web"}`)
	if got := escapedJSON(plain); &got[0] != &plain[0] {
		t.Error("what needs no escape is copied")
	}
}
