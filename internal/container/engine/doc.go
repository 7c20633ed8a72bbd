// Package engine defines what nsviz asks of a container engine, whichever it is.
package engine
