// Package cgroupfs reads cgroup hierarchies.
//
// It finds where they are mounted, which cgroups they have, which processes are in these, and who writes to their limits.
//
// Paths of cgroups are the kernel's, relative to the hierarchy's root. If a cgroup is gone, or goes while it is read, the error
// satisfies errors.Is(err, fs.ErrNotExist).
package cgroupfs
