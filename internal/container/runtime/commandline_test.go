package runtime

import (
	"strings"
	"testing"
)

func TestCommandLines(t *testing.T) {
	for _, test := range []struct{ line, name, program string }{
		{"bwrap --bind /srv / --proc /proc --dev /dev --unshare-all /bin/busybox tail /dev/zero", "", "busybox"},
		{"bwrap --args 35 hog", "", "hog"},
		{"bwrap --setenv A B --unshare-pid -- /usr/bin/firefox --name x", "", "firefox"},
		{"bwrap --overlay a b c --die-with-parent sh", "", "sh"},
		{"bwrap --bind", "", ""},
		{"bwrap", "", ""},
		{"firejail --noprofile --name=jail --private=/tmp/x busybox sh", "jail", "busybox"},
		{"firejail -- /usr/bin/vlc --name=no", "", "vlc"},
		{"firejail", "", ""},
		{"systemd-nspawn --register=no --keep-unit -q -D /srv/root --machine=my-box --pipe /bin/sh -M no", "my-box", "sh"},
		{"systemd-nspawn -bD /var/lib/machines/web", "web", ""},
		{"systemd-nspawn -b -D /var/lib/machines/web/", "web", ""},
		{"systemd-nspawn --quiet --machine web --bind /a:/b -- /bin/sh", "web", "sh"},
		{"systemd-nspawn -Mbox -x", "box", ""},
		{"systemd-nspawn --image=/srv/debian.raw --boot", "debian", ""},
		{"systemd-nspawn -D /", "", ""},
		{"systemd-nspawn -M", "", ""},
	} {
		words := strings.Fields(test.line)
		r, ok := Describes(words[0])
		if !ok {
			t.Fatalf("nothing is known of %s", words[0])
		}
		if got := r.ReadCommandLine(words[1:]); got.Name != test.name || got.Program != test.program {
			t.Errorf("%s: %+v", test.line, got)
		}
	}
	for _, comm := range []string{"runc", "unshare", "sh", ""} {
		if r, ok := Describes(comm); ok {
			t.Errorf("%q is of %s", comm, r.Name)
		}
	}
}
