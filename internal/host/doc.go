// Package host opens the readers of a host's file systems.
//
// All readers take the roots of those file systems, so that they work on a host's /proc and /sys/fs/cgroup mounted
// elsewhere as well as on made-up trees in tests. They know no BPF and no model. They keep nothing open between two
// questions, but for what has a Close ([resources.Watch], [cgroupfs.Writes]), and no goroutine runs in them, but for one
// that a reading of a process's memory is left to, and nobody waits for longer than half a second
// ([procfs.Reader.ReadMemory]), and the short-lived one of [nsfs.Reader.Hostname].
//
// Processes and cgroups come and go while they are read. Whatever is gone is reported by an error
// that satisfies errors.Is(err, fs.ErrNotExist), whichever of ENOENT, ESRCH and ENODEV the kernel
// said it with. What exists and may not be read is unknown: zero or nil, as each type documents.
//
// Names that the kernel hands out (comm, hostname, cgroup and mount paths) are bytes that somebody
// else chose. They are returned as they are, without any check for UTF-8 or control characters;
// showing them safely is the matter of whoever shows them.
package host
