// Package rootfs inspects the root file systems of processes.
//
// The processes choose the contents. So nothing leads out of a folder that is inspected, and the amount that is read is bounded.
package rootfs
