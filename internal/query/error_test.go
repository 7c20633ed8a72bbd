package query

import (
	"errors"
	"strings"
	"testing"
)

// What is marked is what is wrong. In the first column the mark stands below what it marks.
func TestErrors(t *testing.T) {
	for _, tt := range []struct{ expr, mark, says string }{
		{"", "^", "want a comparison or a word here"},
		{"name=web &&", "           ^", "want a comparison or a word here"},
		{"name=web && && oom>0", "            ^", "want a comparison or a word here"},
		{"imgae=nginx", "^^^^^", `no field "imgae"; did you mean image?`},
		{"oom>0 && xyzzy=1", "         ^^^^^", `no field "xyzzy" (there are name, id,`},
		{"name=", "     ^", "want a value here, as in name=VALUE"},
		{"oom> && web", "     ^", "want a value here, as in oom>VALUE"},
		{"=web", "^", "want a field before this"},
		{"status=up", "       ^^", `no status "up" (there are created, starting, running, paused, exited)`},
		{"kind=containers", "     ^^^^^^^^^^", "did you mean container? (there are container, pod, vm, sandbox, service)"},
		{"oom=yes", "    ^^^", "want a whole number, such as 0 or 12, or true or false"},
		{"pid=-1", "    ^^", "want a whole number, such as 0 or 12"},
		{"oom>true", "    ^^^^", "by = or !="},
		{"memory>64Mb2", "       ^^^^^", "want a size, such as 4096, 64MiB"},
		{"cpu>NaN", "    ^^^", "want a percentage, such as 50, 2.5 or 80%"},
		{"name=web mem.ws>1", "         ^^^^^^", "want && or || before mem.ws"},
		{"memory~64", "      ^", "memory is a size: compare it by = != > >= < <="},
		{"name>a", "    ^", "name is a text: compare it by = != ~ !~"},
		{"name~(", "     ^", "no regular expression: missing closing )"},
		{"name~[a", "     ^^", "no regular expression: missing closing ]"},
		{"name~(a{0,100}b){40}", "     ^^^^^^^^^^^^^^^", "no regular expression: invalid repeat count"},
		{"name~a{1000}b{1000}c{1000}d{1000}e{1000}", "     " + strings.Repeat("^", 24), "repeat too much: written out they have more than 4096 steps"},
		{"name~.{999} || name~.{999} || name~.{999} || name~.{999} || image~.{999}", strings.Repeat(" ", 48) + "^^^^^^", "repeat too much"},
		{"started>noon", "        ^^^^", "want a time, such as 14:03, 2026-11-23T14:03:10 or -10m"},
		{"started>9999-01-01", "        ^^^^^^^^^^", "want a time"},
		{"name~?", "     ^", "? stands for unknown: compare it by = or !="},
		{"name==web", "    ^^", "did you mean =?"},
		{"name!web", "    ^", "want an operator here"},
		{"(oom>0", "^", "no ) for this ("},
		{"oom>0)", "     ^", "no ( for this )"},
		{`name="web`, "     ^", `no second " for this one`},
		{`"web" oom>0`, "      ^", "want && or || here"},
		{"name=web oom>0", "         ^^^", "want && or || before oom"},
		{"web oom>0", "    ^^^", "want && or || before oom"},
		{"web (oom>0)", "    ^", "want && or || before a ("},
		{"web & oom>0", "    ^", "did you mean &&?"},
		{"name=web | oom>0", "         ^", "did you mean ||?"},
		{"(name=web) ü", "           ^", "want && or || here"},
		{"日本 && x=1", "        ^", `no field "x"`},
		{"name=\x1b[2J && x=1", "                ^", `no field "x"`},
		{strings.Repeat("(", maxDepth+1) + "a", strings.Repeat(" ", 48) + "^", "more than 64 parentheses"},
		{strings.Repeat("!", maxDepth+1) + "a", strings.Repeat(" ", 48) + "^", "more than 64 parentheses"},
		{strings.Repeat("a", maxLength+1), "^", "at most 4096 bytes, this one has 4097"},
	} {
		_, err := Workloads.Parse(tt.expr, clock)
		var mistake *Error
		if !errors.As(err, &mistake) {
			t.Errorf("%q: %v", tt.expr, err)
			continue
		}
		lines := strings.Split(mistake.Render(), "\n")
		if !strings.Contains(err.Error(), tt.says) || len(lines) != 3 || lines[0] != err.Error() || lines[2] != "  "+tt.mark {
			t.Errorf("%s\nwant %s at\n  %s", mistake.Render(), tt.says, tt.mark)
		}
	}
}

// Of a long expression there is the part around the mistake.
func TestRenderCuts(t *testing.T) {
	before := strings.Repeat("name=web && ", 20)
	_, err := Workloads.Parse(before+"xyzzy=1 && name=web && name=web", clock)
	var mistake *Error
	if !errors.As(err, &mistake) {
		t.Fatal(err)
	}
	_, rendered, _ := strings.Cut(mistake.Render(), "\n")
	want := "  …" + before[len(before)-47:] + "xyzzy=1 && name=web && …\n" + strings.Repeat(" ", 2+columnsBefore) + "^^^^^"
	if mistake.Offset != len(before) || rendered != want {
		t.Errorf("\n%s\nwant\n%s", rendered, want)
	}
}
