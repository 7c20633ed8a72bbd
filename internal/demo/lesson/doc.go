// Package lesson tells, in text, of the container starts that `nsviz demo start` makes while nsviz watches them.
package lesson
