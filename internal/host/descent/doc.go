// Package descent follows which processes descend from this one, also those that live only for a moment.
//
// The kernel reports every fork of the host while it is followed (the process connector, drivers/connector/cn_proc.c, Linux 2.6.15).
// It does so for the initial namespaces of PIDs, users and networks alone.
package descent
