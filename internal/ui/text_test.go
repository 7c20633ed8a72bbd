package ui

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLineFit(t *testing.T) {
	l := text(Plain, "データベース").add(Name, "main")
	for w, want := range []string{"", "…", "… ", "デ…", "デ… ", "デー…", "デー… "} {
		if got := l.fit(w).String(); got != want {
			t.Errorf("in %d columns %q, want %q", w, got, want)
		}
	}
	for w := range 30 {
		for _, fitted := range []line{l.fit(w), l.right(w), text(Plain, "abcdef").add(Name, "ghi").fit(w), line{}.fit(w)} {
			if got := fitted.width(); got != w {
				t.Errorf("fitted into %d columns it takes %d", w, got)
			}
		}
	}
	if got := text(Plain, "abc").add(Name, "def").fit(3).String(); got != "ab…" {
		t.Errorf("cut between two spans: %q", got)
	}
	if got := text(Plain, "7").right(4).String(); got != "   7" {
		t.Errorf("at the right: %q", got)
	}
}

func TestLineWrap(t *testing.T) {
	l := text(Plain, "the kernel killed ").add(Strong, "stress-ng-vm").add(Plain, ", a worker")
	for _, tt := range []struct {
		w    int
		want []string
	}{
		{80, []string{"the kernel killed stress-ng-vm, a worker"}},
		{20, []string{"the kernel killed", "stress-ng-vm, a", "worker"}},
		{7, []string{"the", "kernel", "killed", "stress-", "ng-vm,", "a", "worker"}},
		{0, nil},
	} {
		var got []string
		for _, l := range l.wrap(tt.w) {
			got = append(got, l.String())
			if l.width() > tt.w {
				t.Errorf("a line of %d columns in %d", l.width(), tt.w)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("in %d columns (-want +got):\n%s", tt.w, diff)
		}
	}
	long := text(Plain, "cgroup ").add(Number, "/"+strings.Repeat("x", 1500)).add(Strong, strings.Repeat("デ", 1200)+"/end")
	var all strings.Builder
	for _, l := range long.wrap(80) {
		all.WriteString(l.String())
	}
	if got, want := all.String(), "cgroup/"+strings.Repeat("x", 127)+"…"+strings.Repeat("デ", 61)+"/end"; got != want {
		t.Errorf("a long word became %s, want %s", got, want)
	}
	if got := len(line{}.wrap(10)); got != 1 {
		t.Errorf("nothing wraps into %d lines", got)
	}
	if got := text(Plain, "データ").wrap(1); len(got) != 1 || got[0].width() > 1 {
		t.Errorf("wide runes in one column: %v", got)
	}
}

func TestLineMark(t *testing.T) {
	marked := func(l line) (out []string) {
		for _, sp := range l {
			if sp.style&Matched != 0 {
				out = append(out, sp.text)
			}
		}
		return out
	}
	for _, tt := range []struct {
		text, needle string
		want         []string
	}{
		{"hog and Hog", "hog", []string{"hog", "Hog"}},
		{"hog", "", nil},
		{"hog", "zebra", nil},
		{"cafe\u0301", "e", nil},  // half of a letter
		{"İstanbul", "stan", nil}, // lower case is longer
		{"データ", "ー", []string{"ー"}},
	} {
		got := text(Name, tt.text).mark(tt.needle)
		if diff := cmp.Diff(tt.want, marked(got)); diff != "" {
			t.Errorf("%q in %q (-want +got):\n%s", tt.needle, tt.text, diff)
		}
		if got.String() != tt.text {
			t.Errorf("marking %q in %q makes it %q", tt.needle, tt.text, got)
		}
	}
}
