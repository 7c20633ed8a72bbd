// Package engine is the interface between nsviz and a container engine, whichever it is.
package engine
