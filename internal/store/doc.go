// Package store holds a model, so that one goroutine applies facts while others look at snapshots.
package store
