// Package host opens the readers of a host's file systems.
//
// All readers take the roots of those file systems, so that they work on a host's /proc and /sys/fs/cgroup mounted
// elsewhere as well as on made-up trees in tests. They know no BPF and no model.
//
// Between calls only types with a Close keep files open: [resources.Watch] and [cgroupfs.Writes]. Two readers use a
// goroutine. [procfs.Reader.ReadMemory] leaves one behind if a process's memory does not answer within half a second;
// [nsfs.Reader.Hostname] uses a thread of its own during the call.
//
// Processes and cgroups come and go while they are read. What is gone is reported by an error that satisfies
// errors.Is(err, fs.ErrNotExist), whether the kernel returned ENOENT, ESRCH or ENODEV. What exists and may not be read is
// unknown: zero or nil, as each type documents.
//
// Names that the kernel returns (comm, hostname, cgroup and mount paths) are bytes that others chose. They are returned as
// they are, without any check for UTF-8 or control characters; who shows them must escape them.
package host
