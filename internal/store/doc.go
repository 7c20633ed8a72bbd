// Package store holds a model to which facts are applied while others look at snapshots.
package store
