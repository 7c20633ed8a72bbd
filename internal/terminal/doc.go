// Package terminal takes over the terminal that the process runs in, and gives it back whatever happens meanwhile.
//
// It stands between the terminal and the library that draws on it. What is read from the terminal is checked by an
// input filter, so that the library only gets characters and escape sequences that it can end. What is written can
// be given up when nobody reads the terminal any more. A guard, which is a process of its own, gives the terminal
// back if this process dies without a chance to do so.
package terminal
