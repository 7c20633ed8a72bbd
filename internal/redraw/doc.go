// Package redraw writes a text again and again: in place of the previous one on a terminal, below it elsewhere.
package redraw
