// Package rootfs looks into the root file systems of processes.
//
// The processes choose their contents. So nothing leads out of a folder that is looked into, and the amount that is looked at is
// bounded.
package rootfs
