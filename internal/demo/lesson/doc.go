// Package lesson describes, in text, the container starts that `nsviz demo start` makes while nsviz watches them.
package lesson
