// Package anatomy describes one container in detail.
//
// Gather collects what the container sees, what it may use and what it consists of: it reads the kernel's files about the
// container's processes through the readers below host, and combines them with a snapshot of the model. Findings derives what
// weakens the isolation, as a pure function. The engine's settings do not count as facts: a difference between them and the
// kernel's state is a finding.
//
// A field that cannot be read is absent, Unknown says why, and no finding is based on it.
package anatomy
