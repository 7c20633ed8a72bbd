//go:build e2e && systemd

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestAppArmor needs a host with AppArmor: there Docker confines a container by its own profile, unless an option disables
// that. The kernel reports the profile in use.
func TestAppArmor(t *testing.T) {
	const prefix, profile = "nsviz-test-apparmor-", "docker-default"
	for name, test := range map[string]struct {
		options []string
		label   string
		hole    bool
	}{
		"confined":   {nil, profile + " (enforce)", false},
		"unconfined": {[]string{"--security-opt", "apparmor=unconfined"}, "unconfined", true},
	} {
		pid := run(t, prefix+name, append(test.options, busyboxImage, "sh", "-c", waits)...)
		kernel, err := os.ReadFile(fmt.Sprintf("/proc/%d/attr/current", pid))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(string(kernel)); got != test.label {
			t.Errorf("%s: the kernel says %q, want %q", name, got, test.label)
		}
		if reported := docker(t, "inspect", "-f", "{{.AppArmorProfile}}", prefix+name); !strings.HasPrefix(test.label, reported) || reported == "" {
			t.Errorf("%s: the engine says %q, want %q", name, reported, test.label)
		}
		a := inspect(t, prefix+name)
		if a.Privileges.LSM == nil || *a.Privileges.LSM != test.label {
			t.Errorf("%s: %+v, want %s", name, a.Privileges, test.label)
		}
		for _, id := range []string{"no_lsm", "lsm_unconfined", "looser_than_told"} {
			want := test.hole && id == "lsm_unconfined"
			if got := finding(&a, id); (got != nil) != want {
				t.Errorf("%s: %s is %+v", name, id, got)
			} else if want && (len(got.Details) != 1 || got.Details[0] != test.label) {
				t.Errorf("%s: %s says %q", name, id, got.Details)
			}
		}
	}
}
