// Package nsfs reads namespaces by procfs and the ioctls of nsfs: who is in one, what keeps it alive, to whom it belongs.
//
// Ids that the kernel refuses to reveal are 0, which is unknown.
package nsfs
