// Package foreign makes text that comes from outside nsviz safe and honest to show: what containers, processes, files and
// images are called, what engines and the kernel answer.
//
// Clean is the one function that decides how a character is shown, on the screen, in text, in labels of metrics and in errors.
// Shown in escaped form, as Go and C would write it, is all that could move the cursor or change the terminal (control characters,
// escape sequences), that reorders text (the marks and overrides of the bidirectional algorithm), that is invisible (zero-width
// characters, fillers, variation selectors, tags, blanks that are no space), that joins what is beside it, whose width terminals
// do not agree on, and what is no UTF-8. Letters of any script stay, wide ones and accents too. What looks alike in two scripts stays
// alike.
//
// The other functions build on it: Name and Prose also bound the length, Label keeps different texts different, and JSON
// escapes the same characters as JSON does, so that the value stays what it was.
package foreign
