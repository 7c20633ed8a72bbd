// Package foreign makes text from outside nsviz safe and honest to show: the names of containers, processes, files and images,
// and the answers of engines and the kernel.
//
// Only Clean decides how a character is shown, on the screen, in text, in labels of metrics and in errors. It escapes, as Go and
// C would write it, all that could move the cursor or change the terminal (control characters, escape sequences), that reorders
// text (the marks and overrides of the bidirectional algorithm), that is invisible (zero-width characters, fillers, variation
// selectors, tags, blanks that are no space), that joins what is beside it, whose width terminals do not agree on, and what is no
// UTF-8. Letters of any script stay, including wide ones and accents. Letters of two scripts that look alike stay alike.
//
// The other functions build on it: Name and Prose also bound the length, Label keeps different texts different, and JSON escapes
// the same characters in JSON's way, so that the value does not change.
package foreign
