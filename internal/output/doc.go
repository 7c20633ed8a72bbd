// Package output writes to stdout without waiting for ever for its reader.
//
// ErrReaderGone reports a reader that has closed its end, ErrReaderStopped one that does not read.
package output
