// Package hostfs reads what the kernel tells about a host in files: processes and their namespaces
// in procfs, cgroups in cgroupfs, mounts in mountinfo. It knows no BPF and no model; it answers
// questions, keeps nothing open between them and starts no goroutine.
//
// All readers take their roots from [Roots], so that they work on a host's /proc and /sys/fs/cgroup
// mounted elsewhere as well as on made-up trees in tests.
//
// Processes and cgroups come and go while they are read. Whatever is gone is reported by an error
// that satisfies errors.Is(err, fs.ErrNotExist), whichever of ENOENT, ESRCH and ENODEV the kernel
// said it with. What exists and may not be read is unknown: zero or nil, as each type documents.
//
// Names that the kernel hands out (comm, hostname, cgroup and mount paths) are bytes that somebody
// else chose. They are returned as they are, without any check for UTF-8 or control characters;
// showing them safely is the matter of whoever shows them.
package hostfs
