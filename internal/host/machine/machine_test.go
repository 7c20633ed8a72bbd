package machine

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestRead(t *testing.T) {
	proc, _ := hosttest.Unpack(t, "v2")
	r := New(pseudofs.Proc(proc))
	got, err := r.Read()
	if err != nil {
		t.Fatal(err)
	}
	want := Machine{
		Name: "debian", Kernel: "6.1.0-41-amd64", MemoryBytes: 4018032 << 10, CPUs: 2,
		BootTime: time.Unix(1767322800, 0),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadReturnsWhatItCanHave(t *testing.T) {
	proc, _ := hosttest.Unpack(t, "v2")
	r := New(pseudofs.Proc(proc))
	if err := os.Remove(filepath.Join(proc, "meminfo")); err != nil {
		t.Fatal(err)
	}
	got, err := r.Read()
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if got.MemoryBytes != 0 || got.CPUs != 2 || got.Name != "debian" {
		t.Errorf("got %+v", got)
	}
}

func TestParseMemTotal(t *testing.T) {
	for text, want := range map[string]uint64{
		"MemTotal:       16 kB\n":                 16384,
		"MemFree: 1 kB\nMemTotal:        1 kB":    1024,
		"MemTotal:        18014398509481983 kB\n": 18014398509481983 << 10,
		"":                                       0,
		"MemTotal:\n":                            0,
		"MemTotal:       16 MB\n":                0,
		"MemTotal:       -16 kB\n":               0,
		"MemTotal:       18014398509481984 kB\n": 0,
		"MemTotal:       99999999999999999999 kB\n\n": 0,
	} {
		got, err := parseMemTotal([]byte(text))
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func TestParseSystemStat(t *testing.T) {
	for _, text := range []string{"", "cpu  1\ncpu0 1\n", "btime x\n", "btime\n", "btime 99999999999999999999\n"} {
		if _, boot, err := parseSystemStat([]byte(text)); err == nil || !boot.IsZero() {
			t.Errorf("%q: %v, %v", text, boot, err)
		}
	}
}

// TestLiveMachine compares with uname(1), nproc(1) and the Go runtime.
func TestLiveMachine(t *testing.T) {
	host, err := New(pseudofs.DefaultProc).Read()
	if err != nil {
		t.Fatal(err)
	}
	uname, err := exec.Command("uname", "-nr").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := host.Name + " " + host.Kernel; got != string(bytes.TrimSpace(uname)) {
		t.Errorf("got %q, uname says %q", got, uname)
	}
	nproc, err := exec.Command("nproc", "--all").Output()
	if err != nil {
		t.Fatal(err)
	}
	if all, err := strconv.Atoi(strings.TrimSpace(string(nproc))); err != nil || host.CPUs > all || host.CPUs < runtime.NumCPU() {
		t.Errorf("%d processors online, nproc knows %q, Go may use %d", host.CPUs, nproc, runtime.NumCPU())
	}
	if host.MemoryBytes < 16<<20 {
		t.Errorf("%d bytes of memory", host.MemoryBytes)
	}
	if !host.BootTime.Before(time.Now()) {
		t.Errorf("booted at %v", host.BootTime)
	}
}

// TestBootTimeIsExact compares the boot time with /proc/uptime, which counts hundredths of a second.
func TestBootTimeIsExact(t *testing.T) {
	host, err := New(pseudofs.DefaultProc).Read()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("/proc/uptime")
	now := time.Now()
	if err != nil {
		t.Fatal(err)
	}
	up, err := time.ParseDuration(strings.Fields(string(data))[0] + "s")
	if err != nil {
		t.Fatal(err)
	}
	if off := now.Add(-up).Sub(host.BootTime).Abs(); off > 200*time.Millisecond {
		t.Errorf("booted at %v, %v off", host.BootTime, off)
	}
}

func TestExactBoot(t *testing.T) {
	seconds := time.Unix(1767322800, 0)
	for _, test := range []struct{ byClocks, want time.Time }{
		{seconds.Add(700 * time.Millisecond), seconds.Add(700 * time.Millisecond)},
		{seconds.Add(time.Hour), seconds}, // the procfs is another machine's
		{time.Time{}, seconds},
	} {
		if got := exactBoot(seconds, test.byClocks); !got.Equal(test.want) {
			t.Errorf("%v by the clocks: %v", test.byClocks, got)
		}
	}
}
