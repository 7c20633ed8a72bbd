package procfs

import (
	"strings"
	"testing"
)

func TestCapabilityNames(t *testing.T) {
	for set, want := range map[Capabilities]string{
		0:                               "",
		1:                               "cap_chown",
		1<<21 | 1<<40:                   "cap_sys_admin cap_checkpoint_restore",
		1 << 63:                         "cap_63", // one that nsviz does not know yet
		0x00000000a80425fb:              "cap_chown cap_dac_override cap_fowner cap_fsetid cap_kill cap_setgid cap_setuid cap_setpcap cap_net_bind_service cap_net_raw cap_sys_chroot cap_mknod cap_audit_write cap_setfcap",
		1<<len(capabilityNames) - 1<<39: "cap_bpf cap_checkpoint_restore",
	} {
		if got := strings.Join(set.Names(), " "); got != want {
			t.Errorf("%x: %s, want %s", uint64(set), got, want)
		}
	}
}
