// Package procfs reads processes: what runs, with which rights, in which cgroup and namespaces.
//
// Names that processes give themselves are bytes of their choice. They are returned as they are, without any check for
// UTF-8 or control characters; showing them safely is the matter of whoever shows them.
package procfs
