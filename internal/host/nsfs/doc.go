// Package nsfs reads namespaces through procfs and the ioctls of nsfs: who is in one, what keeps it alive, and who owns it.
//
// Ids that the kernel refuses to reveal are 0, which means unknown.
package nsfs
