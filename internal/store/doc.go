// Package store holds a model to which facts are applied while others look at snapshots, of now or of a time in the past.
package store
