// Package cgroupfs reads cgroup hierarchies: where they are mounted, which cgroups they have, who is in them and who
// writes to their limits.
//
// Paths of cgroups are the kernel's, in the hierarchy's own terms. A cgroup that is gone, or goes while it is read, is
// reported by an error that satisfies errors.Is(err, fs.ErrNotExist).
package cgroupfs
