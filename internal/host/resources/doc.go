// Package resources reads what cgroups use of a host's resources, and the limits that apply to them.
//
// A value that the kernel or a hierarchy does not report is nil, which means unknown, never zero.
package resources
