// Package rootfs looks into the root file systems of processes.
//
// What is in there is the processes' own choice: nothing leads out of a folder that is looked into, and how much is
// looked at is bounded.
package rootfs
