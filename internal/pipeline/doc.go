// Package pipeline is the straight line of nsviz, from what is read to the model. Producers open the probes, read the host
// and ask the engine, each in a goroutine of its own, and hand over what they have read. One goroutine, the loop, attributes
// every event to its container and applies all that to the model, in one order.
package pipeline
