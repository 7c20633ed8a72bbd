// Package terminal takes over the terminal of the process, and restores it whatever happens meanwhile.
//
// It stands between the terminal and the library that draws on it. An input filter checks what is read from the terminal, so that
// the library only gets characters and escape sequences that it can end. Writes can be given up when nobody reads the terminal
// any more. A guard, which is a process of its own, restores the terminal if this process dies without a chance to do so.
package terminal
