package procfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/host/hosttest"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

func TestPrivileges(t *testing.T) {
	r, proc := openHost(t)
	set := func(n Capabilities) *Capabilities { return &n }
	for name, test := range map[string]struct {
		status string
		want   Privileges
	}{
		"whole": {
			"Name:\tCapEff:\t1\nCapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:\t000001ffffffffff\n" +
				"CapAmb:\t0000000000000400\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\nThreads:\t1\n",
			Privileges{set(0), set(0xa80425fb), set(0xa80425fb), set(0x1ffffffffff), set(0x400), new(true), new(SeccompFilter), new(3)},
		},
		"an older kernel": {"CapBnd:\t0000000000000001\nSeccomp:\t0\n", Privileges{Bounding: set(1), Seccomp: new(SeccompDisabled)}},
		"cut in a number": {"CapEff:\t0000000000000001\nCapBnd:\t0000000", Privileges{Effective: set(1)}},
		"empty":           {"", Privileges{}},
	} {
		hosttest.WriteFile(t, filepath.Join(proc, "9", "status"), test.status)
		got, err := r.Privileges(9)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
	for _, status := range []string{"CapEff:\tx\n", "CapBnd:\t\n", "Seccomp:\t-1\n", "NoNewPrivs:\tyes\n", "CapEff:\t10000000000000000\n"} {
		hosttest.WriteFile(t, filepath.Join(proc, "9", "status"), status)
		if got, err := r.Privileges(9); err == nil || got != (Privileges{}) {
			t.Errorf("%q: %+v, %v", status, got, err)
		}
	}
	if _, err := r.Privileges(99); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
}

func TestLSMLabel(t *testing.T) {
	r, proc := openHost(t)
	for text, want := range map[string]string{
		"docker-default (enforce)\n":                 "docker-default (enforce)",
		"unconfined\n":                               "unconfined",
		"system_u:system_r:container_t:s0:c1,c2\x00": "system_u:system_r:container_t:s0:c1,c2",
		"": "",
	} {
		hosttest.WriteFile(t, filepath.Join(proc, "9", "attr", "current"), text)
		if got, err := r.LSMLabel(9); got != want || err != nil {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if err := os.RemoveAll(filepath.Join(proc, "9", "attr")); err != nil {
		t.Fatal(err)
	}
	if got, err := r.LSMLabel(9); got != "" || err != nil { // a kernel without such modules
		t.Errorf("without a module: %q, %v", got, err)
	}
	if _, err := r.LSMLabel(99); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
	live := New(pseudofs.DefaultProc)
	if _, err := live.LSMLabel(int32(os.Getpid())); err != nil {
		t.Errorf("on this kernel: %v", err)
	}
}
