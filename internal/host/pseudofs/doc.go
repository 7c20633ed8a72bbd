// Package pseudofs reads the files of the kernel's pseudo file systems: procfs, cgroupfs.
//
// What it reads of one file is bounded. Processes and cgroups come and go while they are read: whatever is gone is
// reported by an error that satisfies errors.Is(err, fs.ErrNotExist), whichever of ENOENT, ESRCH and ENODEV the kernel
// said it with.
package pseudofs
