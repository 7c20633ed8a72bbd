package procfs

import (
	"fmt"
	"math/bits"
)

// Capabilities is a set of capabilities as the kernel writes it: bit n is capability n.
type Capabilities uint64

// capabilityNames holds the names in linux/capability.h, by number.
var capabilityNames = [...]string{
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
	"linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
	"sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
	"sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
	"mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
	"checkpoint_restore",
}

// The capabilities that decide how much nsviz sees.
const (
	capDACReadSearch = 2
	capSysPtrace     = 19
)

// Has reports whether the capability of a number is in the set.
func (c Capabilities) Has(capability int) bool { return c>>capability&1 != 0 }

// Names lists the capabilities in the set by their names in capabilities(7), in lower case as capsh writes them: cap_chown. A
// capability that is newer than nsviz has its number as its name.
func (c Capabilities) Names() []string {
	names := make([]string, 0, bits.OnesCount64(uint64(c)))
	for rest := uint64(c); rest != 0; rest &= rest - 1 {
		n := bits.TrailingZeros64(rest)
		if n < len(capabilityNames) {
			names = append(names, "cap_"+capabilityNames[n])
		} else {
			names = append(names, fmt.Sprintf("cap_%d", n))
		}
	}
	return names
}
