// Package terminal lends the terminal of the process to a library that draws on it.
//
// The terminal is restored whatever happens meanwhile. A guard, which is a process of its own, does this if this process dies
// without a chance to do so. An input filter checks what is read from the terminal, so that the library only gets characters
// and complete escape sequences. Writes can be given up when nobody reads the terminal any more.
package terminal
