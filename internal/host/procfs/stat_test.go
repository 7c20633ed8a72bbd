package procfs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

const statTail = " S 1407 1430 1430 0 -1 4194560 1166 0 0 0 1 2 0 0 20 0 1 0 5423 2560000 400\n"

func TestParseStat(t *testing.T) {
	for _, comm := range []string{
		"sleep", "", " ", ")", "(", "((()))", ") S 1 2 (", "a\nb", "\n", "\\n", "kworker/0:1H-kblockd", "\x1b[31mred", "\xff\xfe", "名前",
		"x) R 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9",
	} {
		got, err := parseStat([]byte("1430 (" + comm + ")" + statTail))
		want := Stat{PID: 1430, Comm: comm, State: 'S', PPID: 1407, StartTime: 5423}
		if err != nil || got != want {
			t.Errorf("comm %q: %+v, %v", comm, got, err)
		}
	}
}

func TestParseStatRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                 "",
		"no comm":               "1430 sleep S 1407",
		"comm cut":              "1430 (sle",
		"parentheses reversed":  "1430 )sleep(" + statTail,
		"no PID":                "(sleep)" + statTail,
		"PID 0":                 "0 (sleep)" + statTail,
		"PID negative":          "-1 (sleep)" + statTail,
		"PID no number":         "14x (sleep)" + statTail,
		"PID too large":         "4294967296 (sleep)" + statTail,
		"cut after comm":        "1430 (sleep)",
		"cut before start":      "1430 (sleep) S 1407 1430 1430 0 -1 4194560 1166 0 0 0 1 2 0 0 20 0 1 0",
		"parent negative":       strings.Replace("1430 (sleep)"+statTail, "1407", "-7", 1),
		"parent no number":      strings.Replace("1430 (sleep)"+statTail, "1407", "one", 1),
		"start time negative":   strings.Replace("1430 (sleep)"+statTail, "5423", "-1", 1),
		"start time too large":  strings.Replace("1430 (sleep)"+statTail, "5423", "18446744073709551616", 1),
		"start time no number":  strings.Replace("1430 (sleep)"+statTail, "5423", "0x10", 1),
		"nothing but a bracket": ")",
	} {
		if got, err := parseStat([]byte(text)); err == nil || got != (Stat{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestStat(t *testing.T) {
	r, proc := openHost(t)
	got, err := r.Stat(1430)
	want := Stat{PID: 1430, Comm: "we (i) r\\d\n) R 1 (x", State: 'S', PPID: 1407, StartTime: 5423}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if start, err := r.StartTime(1); start != 31 || err != nil {
		t.Errorf("PID 1 started at %d, %v", start, err)
	}
	if _, err := r.Stat(1500); err == nil || !strings.Contains(err.Error(), proc+"/1500/stat") {
		t.Errorf("a truncated file: %v", err)
	}
	for _, pid := range []int32{99, 0, -1} {
		if _, err := r.StartTime(pid); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("PID %d: %v", pid, err)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1430 (sleep)"+statTail), "a) (b\n")
	f.Add([]byte("1 ("), ")")
	f.Fuzz(func(t *testing.T, data []byte, comm string) {
		if stat, err := parseStat(data); err == nil && (stat.PID < 1 || stat.PPID < 0) {
			t.Errorf("%q: %+v", data, stat)
		}
		line := fmt.Sprintf("7 (%s)%s", comm, statTail)
		if stat, err := parseStat([]byte(line)); err != nil || stat.Comm != comm || stat.PPID != 1407 || stat.StartTime != 5423 {
			t.Errorf("comm %q: %+v, %v", comm, stat, err)
		}
	})
}
