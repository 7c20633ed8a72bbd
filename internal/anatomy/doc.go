// Package anatomy takes one container apart: what it sees, what it may use, what it is made of, and
// where its walls have holes.
//
// Gather reads the kernel's files about the container's processes, by way of the readers below host, and puts them
// beside what a snapshot of the model knows. Holes is a pure function from what was gathered to findings. What
// the engine was told is no fact here: where it differs from what the kernel has, that is a finding.
//
// What cannot be read is unknown: its field is absent, Unknown says why, and no finding rests on it.
package anatomy
