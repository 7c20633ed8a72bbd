// Package pipeline is the straight line of nsviz: it opens the probes, reads what was there before
// them, asks the engine for names, attributes every event to its container and tells the model. One
// goroutine (the loop) does all of that in one order; the others only read and hand over.
package pipeline
