// Package cgroupfs reads cgroups: where they are, who is in them, what they use and may use.
//
// Paths of cgroups are the kernel's, in the hierarchy's own terms. A cgroup that is gone, or goes while it is read, is
// reported by an error that satisfies errors.Is(err, fs.ErrNotExist). What exists and may not be read is unknown: nil.
package cgroupfs
