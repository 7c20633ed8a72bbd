// Package host opens the readers of a host's file systems.
//
// All readers take the roots of those file systems, so that they work on a host's /proc and /sys/fs/cgroup mounted
// elsewhere as well as on made-up trees in tests. They know no BPF and no model.
//
// Between two questions nothing stays open, except for what has a Close: [resources.Watch] and [cgroupfs.Writes].
// Two readers use a goroutine. [procfs.Reader.ReadMemory] leaves one behind where a process's memory does not answer
// within half a second; [nsfs.Reader.Hostname] needs a thread of its own for as long as it asks.
//
// Processes and cgroups come and go while they are read. Whatever is gone is reported by an error
// that satisfies errors.Is(err, fs.ErrNotExist), whichever of ENOENT, ESRCH and ENODEV the kernel
// said it with. What exists and may not be read is unknown: zero or nil, as each type documents.
//
// Names that the kernel hands out (comm, hostname, cgroup and mount paths) are bytes that somebody
// else chose. They are returned as they are, without any check for UTF-8 or control characters;
// showing them safely is the matter of whoever shows them.
package host
