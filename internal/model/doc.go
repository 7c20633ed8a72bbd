// Package model is the model of the host: who is isolated from whom, who is near which limit, and what
// happened. Facts go in one after the other, immutable snapshots come out. The model does no I/O,
// has no clock of its own and knows no view; what it says depends on the facts alone, so that a
// recording gives the same snapshots as the live host did.
package model
