// Package pseudofs reads the files of the kernel's pseudo file systems: procfs, cgroupfs.
//
// What it reads of one file is bounded. Processes and cgroups come and go while they are read. If one is gone, the error
// satisfies errors.Is(err, fs.ErrNotExist), whether the kernel returned ENOENT, ESRCH or ENODEV.
package pseudofs
