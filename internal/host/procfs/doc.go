// Package procfs reads processes: what runs, with which rights, in which cgroup and namespaces.
//
// Processes choose their names, which may be any bytes. They are returned as they are, without any check for UTF-8 or control
// characters; whoever shows them has to make them safe.
package procfs
