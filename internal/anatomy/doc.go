// Package anatomy takes one container apart: what it sees, what it may use, what it consists of, and what weakens its isolation.
//
// Gather reads the kernel's files about the container's processes through the readers below host, and combines them with a
// snapshot of the model. Findings is a pure function from that to findings. The engine's settings do not count as facts: a
// difference between them and the kernel's state is a finding.
//
// A field that cannot be read is absent, Unknown says why, and no finding is based on it.
package anatomy
