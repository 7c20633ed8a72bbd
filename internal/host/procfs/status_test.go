package procfs

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const statusText = "Name:\tcat\nUmask:\t0022\nState:\tR (running)\nTgid:\t14367\nNgid:\t0\nPid:\t14367\nPPid:\t14358\n" +
	"TracerPid:\t0\nUid:\t1000\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t256\nGroups:\t \nNStgid:\t14367\t1\nNSpid:\t14367\t12\t1\nVmPeak:\t    3060 kB\n"

func TestParseStatus(t *testing.T) {
	got, err := parseStatus([]byte(statusText))
	want := Status{Comm: "cat", TGID: 14367, PPID: 14358, UID: 1000, NSPID: []int32{14367, 12, 1}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestParseStatusOfManyGroups(t *testing.T) {
	text := strings.Replace(statusText, "Groups:\t ", "Groups:\t"+strings.Repeat("4294967294 ", 65536), 1)
	if got, err := parseStatus([]byte(text)); err != nil || got.UID != 1000 || len(got.NSPID) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseStatusComm(t *testing.T) {
	for text, want := range map[string]string{
		"cat": "cat", "": "", " ": " ", "\\n": "\n", "\\\\n": "\\n", "a\\\\": "a\\", "a\\": "a\\", "\\x": "\\x",
		"Tgid:\t1": "Tgid:\t1", "a\\nTgid:\t1": "a\nTgid:\t1", "\x1b[2J": "\x1b[2J", "\xff": "\xff",
	} {
		got, err := parseStatus([]byte(strings.Replace(statusText, "cat", text, 1)))
		if err != nil || got.Comm != want || got.TGID != 14367 {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestParseStatusRefuses(t *testing.T) {
	for name, edit := range map[string][2]string{
		"no NSpid":            {"NSpid:", "NSPID:"},
		"empty NSpid":         {"14367\t12\t1", ""},
		"NSpid no number":     {"\t12\t", "\tx\t"},
		"NSpid negative":      {"\t12\t", "\t-12\t"},
		"NSpid too large":     {"\t12\t", "\t2147483648\t"},
		"no Uid":              {"Uid:", "UID:"},
		"empty Uid":           {"1000\t0\t0\t0", ""},
		"Uid negative":        {"1000\t", "-1\t"},
		"PPid no number":      {"14358", "?"},
		"PPid negative":       {"14358", "-1"},
		"Tgid missing":        {"Tgid", "tgid"},
		"cut in the middle":   {"Gid:\t0\t0\t0\t0\nFDSize:\t256\nGroups:\t \nNStgid:\t14367\t1\nNSpid:\t14367\t12\t1\nVmPeak:\t    3060 kB\n", ""},
		"NSpid before Uid":    {"Uid:\t1000", "NSpid:\t1\nUid:\t1000"},
		"nothing left at all": {statusText, ""},
	} {
		if got, err := parseStatus([]byte(strings.Replace(statusText, edit[0], edit[1], 1))); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestStatus(t *testing.T) {
	r, _ := openHost(t)
	got, err := r.Status(1430)
	want := Status{Comm: "we (i) r\\d\n) R 1 (x", TGID: 1430, PPID: 1407, UID: 1000, NSPID: []int32{1430, 1}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := r.Status(99); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a process that is not there: %v", err)
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte(statusText), "cat")
	f.Add([]byte("NSpid:"), "\\\n")
	f.Fuzz(func(t *testing.T, data []byte, comm string) {
		if status, err := parseStatus(data); err == nil {
			if len(status.NSPID) == 0 || status.TGID < 0 || status.PPID < 0 {
				t.Errorf("%q: %+v", data, status)
			}
		}
		escaped := strings.NewReplacer("\\", "\\\\", "\n", "\\n").Replace(comm) // as the kernel does
		status, err := parseStatus([]byte(strings.Replace(statusText, "cat", escaped, 1)))
		if err != nil || status.Comm != comm || status.TGID != 14367 {
			t.Errorf("comm %q: %+v, %v", comm, status, err)
		}
	})
}
