// Package resources reads what cgroups use of a host's resources, beside the limits that hold for them.
//
// What the kernel or a hierarchy does not report is nil, which is unknown, never zero.
package resources
