// Package model turns facts about a host into immutable snapshots: who is isolated from whom, who is near which limit,
// and what happened. The model does no I/O, reads no clock and depends on no view. The sequence of facts determines
// every snapshot, so that a recording gives the same snapshots as the live host did.
package model
