// Package ui draws nsviz's dashboard. `nsviz events` prints the same line for an event (EventText).
//
// Its core is pure: Render turns a snapshot of the model and a State (the user's choices) into a
// Frame, a grid of styled cells; Update turns a State and a key into the next one. Neither has a
// clock, a terminal or a memory of its own, so a live screen, a frozen one and a replayed one are
// drawn by the same code, and golden files test each of them. "Now" is the snapshot's time.
//
// Run is the thin shell around that core: it copies frames to a terminal, translates keys and
// restores the terminal on every way out. It is the only part that knows tcell.
//
// Text from outside (names, commands, paths, error texts) reaches a Frame only through
// the constructor of a span of text. It shows control characters, escape sequences, invisible
// and direction-changing runes and broken UTF-8 in escaped form.
package ui
